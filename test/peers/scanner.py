"""Modalities made of pynetdicom: does what each line of standard input says and answers it with one line, until the end.

{"operation": "find" | "create" | "set" | "store", "as": its AE title, "to": {"host", "port", "aeTitle"},
 "uid": of the MPPS, "datasets": [{keyword: value}]}
is answered {"answers": [{"status", "comment", "elements": {keyword: value}}]}, or {"failed": why}. Each operation has an
association of its own, as modalities do it.
"""

import json
import sys

from modality import dataset_from, elements_of, open_association
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.sop_class import ModalityPerformedProcedureStep, ModalityWorklistInformationFind


def answer_of(status, dataset=None):
    return {
        "status": status.Status if "Status" in status else None,
        "comment": str(status.get("ErrorComment", "")),
        "elements": elements_of(dataset) if dataset is not None else {},
    }


def find(association, asked, query):
    for status, dataset in association.send_c_find(query, ModalityWorklistInformationFind):
        if dataset is not None:
            dataset.decode()
        yield answer_of(status, dataset)


def report(association, asked, dataset):
    send = association.send_n_create if asked["operation"] == "create" else association.send_n_set
    status, _ = send(dataset, ModalityPerformedProcedureStep, asked["uid"])
    yield answer_of(status)


def store(association, asked, *instances):
    for instance in instances:
        instance.file_meta = FileMetaDataset()
        instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        yield answer_of(association.send_c_store(instance))


def done(asked):
    datasets = [dataset_from(one) for one in asked["datasets"]]
    work, sop_classes = {
        "find": (find, [ModalityWorklistInformationFind]),
        "create": (report, [ModalityPerformedProcedureStep]),
        "set": (report, [ModalityPerformedProcedureStep]),
        "store": (store, sorted({str(one.get("SOPClassUID")) for one in datasets})),
    }[asked["operation"]]
    to = asked["to"]
    syntaxes = [ExplicitVRLittleEndian] if asked["operation"] == "store" else None
    association = open_association(to["port"], sop_classes, asked["as"], to["aeTitle"], to["host"], syntaxes)
    try:
        return list(work(association, asked, *datasets))
    finally:
        association.release()


for line in sys.stdin:
    try:
        said = {"answers": done(json.loads(line))}
    except Exception as error:  # noqa: BLE001 whoever asked is told, and the next may be asked
        said = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(said), flush=True)
