"""A modality made of pynetdicom: asks whether instances are safely stored, leaves, and listens for the answer.

Usage: ask-storage-commitment.py PORT, with the question as JSON on standard input: {keyword: value}. LISTEN_ON is the
port it listens on as CT01. Prints the status of its N-ACTION as one line of JSON, then each N-EVENT-REPORT that answers
it, ANSWERS of them (1 unless given).
"""

import json
import os
import queue
import sys

from modality import associate, dataset_from
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

answers = queue.Queue()


def references(dataset, keyword):
    items = dataset.get(keyword, [])
    return [[str(one.ReferencedSOPInstanceUID), one.get("FailureReason")] for one in items]


def take(event):
    roles = event.assoc.requestor.role_selection.get(StorageCommitmentPushModel)
    answers.put(
        {
            "from": str(event.assoc.requestor.ae_title),
            "isProvider": bool(roles and roles.scp_role),
            "type": event.event_type,
            "transaction": str(event.event_information.TransactionUID),
            "committed": references(event.event_information, "ReferencedSOPSequence"),
            "failed": references(event.event_information, "FailedSOPSequence"),
        }
    )
    return 0x0000, None


listener = AE(ae_title="CT01")
listener.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
server = listener.start_server(
    ("127.0.0.1", int(os.environ["LISTEN_ON"])), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, take)]
)
association = associate(StorageCommitmentPushModel)
question = dataset_from(json.load(sys.stdin))
status, _ = association.send_n_action(question, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
association.release()
print(json.dumps({"Status": status.Status if "Status" in status else None}))
if status.get("Status") == 0:
    for _ in range(int(os.environ.get("ANSWERS", "1"))):
        print(json.dumps(answers.get(timeout=30)))
server.shutdown()
