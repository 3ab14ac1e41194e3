"""What the modalities made of pynetdicom share: data sets by keyword, and an association as CT01 or another."""

import base64
import sys

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pynetdicom import AE


def dataset_from(attributes):
    """Bytes come as {"InlineBinary": base64}, as in the DICOM JSON model; names with an underscore are no keywords."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        if keyword.startswith("_"):
            continue
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            value = [dataset_from(one) for one in value]
        if isinstance(value, dict):
            value = base64.b64decode(value["InlineBinary"])
        setattr(dataset, keyword, value)
    return dataset


def elements_of(dataset):
    """Each element by keyword as text; several values and the items of a sequence as a list."""

    def value_of(element):
        if element.VR == "SQ":
            return [elements_of(item) for item in element.value]
        if isinstance(element.value, MultiValue):
            return [str(one) for one in element.value]
        return "" if element.value is None else str(element.value)

    return {element.keyword: value_of(element) for element in dataset}


def open_association(port, sop_classes, as_title, called="COLLIMATOR", host="127.0.0.1", syntaxes=None):
    entity = AE(ae_title=as_title)
    for sop_class in sop_classes:
        entity.add_requested_context(sop_class, syntaxes) if syntaxes else entity.add_requested_context(sop_class)
    association = entity.associate(host, port, ae_title=called)
    if not association.is_established:
        raise ConnectionError("the association was not accepted")
    return association


def associate(sop_class, as_title="CT01"):
    """On the port that the command line names first."""
    return open_association(int(sys.argv[1]), [sop_class], as_title)
