"""A modality made of pynetdicom: asks for its worklist and prints each match as one line of JSON, by keyword.

Usage: find-worklist.py PORT, with the query as JSON on standard input: {keyword: value}. Texts are written in the
character set that the query names in SpecificCharacterSet. With CANCEL_AFTER=N it cancels after N matches. The last line
is {"Status": the final status}.
"""

import json
import os
import sys

from modality import associate, dataset_from
from pynetdicom.sop_class import ModalityWorklistInformationFind

association = associate(ModalityWorklistInformationFind)
cancel_after = int(os.environ.get("CANCEL_AFTER", "0"))
query = dataset_from(json.load(sys.stdin))
final = None
found = 0
for status, identifier in association.send_c_find(query, ModalityWorklistInformationFind, msg_id=7):
    final = status.Status if "Status" in status else None
    if identifier is None:
        continue
    found += 1
    if found == cancel_after:
        association.send_c_cancel(7, query_model=ModalityWorklistInformationFind)
    identifier.decode()
    print(json.dumps({element.keyword: str(element.value) for element in identifier}))
print(json.dumps({"Status": final}))
association.release()
