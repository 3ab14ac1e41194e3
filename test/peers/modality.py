"""What the modalities made of pynetdicom share: data sets by keyword, and an association as CT01 or another."""

import sys

from pydicom.dataset import Dataset
from pynetdicom import AE


def dataset_from(attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            value = [dataset_from(one) for one in value]
        setattr(dataset, keyword, value)
    return dataset


def associate(sop_class, as_title="CT01"):
    """On the port that the command line names first."""
    entity = AE(ae_title=as_title)
    entity.add_requested_context(sop_class)
    association = entity.associate("127.0.0.1", int(sys.argv[1]), ae_title="COLLIMATOR")
    if not association.is_established:
        sys.exit("the association was not accepted")
    return association
