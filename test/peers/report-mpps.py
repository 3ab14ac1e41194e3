"""A modality made of pynetdicom: reports one exam by MPPS and prints each answer as one line of JSON.

Usage: report-mpps.py PORT, with the steps as a JSON list on standard input:
[{"operation": "create" | "set", "uid": "2.25.1" | null, "attributes": {keyword: value}}]
"""

import json
import sys

from modality import associate, dataset_from
from pynetdicom.sop_class import ModalityPerformedProcedureStep

association = associate(ModalityPerformedProcedureStep)
for step in json.load(sys.stdin):
    send = association.send_n_create if step["operation"] == "create" else association.send_n_set
    dataset = dataset_from(step["attributes"])
    status, _ = send(dataset, ModalityPerformedProcedureStep, step["uid"])
    answer = {element.keyword: str(element.value) for element in status if element.keyword != "Status"}
    print(json.dumps({**answer, "Status": status.Status if "Status" in status else None}))
association.release()
