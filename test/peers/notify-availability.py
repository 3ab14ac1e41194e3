"""A PACS made of pynetdicom: sends Instance Availability Notifications and prints each answer as one line of JSON.

Usage: notify-availability.py PORT, with the notifications as a JSON list on standard input: [{"uid": "2.25.1",
"attributes": {keyword: value}}]. AS names the AE title it calls itself. With SERIES_AS_CS=1 each Series Instance UID is
labelled CS, as dcm4che's ianscu labels it.
"""

import json
import os
import sys

from modality import associate, dataset_from
from pydicom.dataelem import DataElement
from pynetdicom.sop_class import InstanceAvailabilityNotification

association = associate(InstanceAvailabilityNotification, os.environ.get("AS", "PACS"))
for notification in json.load(sys.stdin):
    dataset = dataset_from(notification["attributes"])
    if os.environ.get("SERIES_AS_CS") == "1":
        for series in dataset.ReferencedSeriesSequence:
            series[0x0020000E] = DataElement(0x0020000E, "CS", str(series.SeriesInstanceUID))
    status, _ = association.send_n_create(dataset, InstanceAvailabilityNotification, notification["uid"])
    print(json.dumps({element.keyword: element.value for element in status if element.VR != "UI"}))
association.release()
