"""A modality made of pynetdicom: reports one exam by MPPS and prints each answer as one line of JSON.

Usage: report-mpps.py PORT, with the steps as a JSON list on standard input:
[{"operation": "create" | "set", "uid": "2.25.1" | null, "attributes": {keyword: value}}]
"""

import json
import sys

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import ModalityPerformedProcedureStep


def dataset_from(attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            value = [dataset_from(one) for one in value]
        setattr(dataset, keyword, value)
    return dataset


entity = AE(ae_title="CT01")
entity.add_requested_context(ModalityPerformedProcedureStep)
association = entity.associate("127.0.0.1", int(sys.argv[1]), ae_title="COLLIMATOR")
if not association.is_established:
    sys.exit("the association was not accepted")
for step in json.load(sys.stdin):
    send = association.send_n_create if step["operation"] == "create" else association.send_n_set
    dataset = dataset_from(step["attributes"])
    status, _ = send(dataset, ModalityPerformedProcedureStep, step["uid"])
    answer = {element.keyword: str(element.value) for element in status if element.keyword != "Status"}
    print(json.dumps({**answer, "Status": status.Status if "Status" in status else None}))
association.release()
