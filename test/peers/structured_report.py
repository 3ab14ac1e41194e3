"""What the scripts that make and store DICOM objects have in common: content items, documents, and C-STORE.

The codes come from pydicom's own tables of the standard.
"""

import json

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr._snomed_dict import mapping as snomed
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, association as pynetdicom_association


def coded(code, old=False):
    """Older equipment still sends the SNOMED-RT codes that SNOMED CT has replaced; pydicom has a table of both.

    old: True for scheme SRT, or the name that it goes by.
    """
    item = Dataset()
    value, scheme = code.value, code.scheme_designator
    if old and scheme == "SCT":
        value, scheme = snomed["SCT"][value], "SRT" if old is True else old
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, code.meaning
    return item


class Items:
    """Makes content items; CONTAINS unless their relationship is changed."""

    def __init__(self, old=False):
        self.old = old

    def item(self, kind, concept, *children):
        one = Dataset()
        one.RelationshipType, one.ValueType = "CONTAINS", kind
        one.ConceptNameCodeSequence = [coded(concept, self.old)]
        if kind == "CONTAINER":
            one.ContinuityOfContent = "SEPARATE"
        if children:
            one.ContentSequence = list(children)
        return one

    def container(self, concept, *children):
        return self.item("CONTAINER", concept, *children)

    def text(self, concept, value):
        one = self.item("TEXT", concept)
        one.TextValue = value
        return one

    def code(self, concept, value, *children):
        one = self.item("CODE", concept, *children)
        one.ConceptCodeSequence = [coded(value, self.old)]
        return one

    def at(self, concept, value):
        one = self.item("DATETIME", concept)
        one.DateTime = value
        return one

    def uid(self, concept, value):
        one = self.item("UIDREF", concept)
        one.UID = value
        return one

    def num(self, concept, value, unit, *children):
        one = self.item("NUM", concept, *children)
        measured = Dataset()
        measured.NumericValue = value
        measured.MeasurementUnitsCodeSequence = [coded(Code(unit, "UCUM", unit))]
        one.MeasuredValueSequence = [measured]
        return one


def document(asked, sop_class, title, content, template=None):
    """A whole SR document of the patient and study that are asked for."""
    one = Dataset()
    if asked.get("characterSet", "ISO_IR 100"):
        one.SpecificCharacterSet = asked.get("characterSet", "ISO_IR 100")
    one.SOPClassUID, one.SOPInstanceUID = sop_class, asked["uid"]
    one.Modality, one.Manufacturer, one.DeviceSerialNumber = "SR", "Invented Devices", "4711"
    one.PatientName, one.PatientID = asked["patientName"], asked["patientId"]
    one.ManufacturerModelName, one.SoftwareVersions = "Device", "1"
    one.PatientBirthDate, one.PatientSex = "", ""
    one.StudyInstanceUID, one.SeriesInstanceUID = asked["studyUid"], asked["uid"] + ".1"
    one.StudyDate = one.StudyTime = one.ReferringPhysicianName = one.StudyID = ""
    one.AccessionNumber = asked["accessionNumber"]
    one.SeriesNumber, one.InstanceNumber = "1", "1"
    one.ContentDate, one.ContentTime = "20260302", asked.get("contentTime", "100600")
    one.CompletionFlag, one.VerificationFlag = "COMPLETE", "UNVERIFIED"
    one.PerformedProcedureCodeSequence = []
    one.ReferencedPerformedProcedureStepSequence = []
    one.ValueType, one.ContinuityOfContent = "CONTAINER", "SEPARATE"
    one.ConceptNameCodeSequence = [coded(title)]
    if template:
        item = Dataset()
        item.MappingResource, item.TemplateIdentifier = "DCMR", template
        one.ContentTemplateSequence = [item]
    one.ContentSequence = content
    return one


def store(one, port, called, calling, implicit=False, data_set=None):
    """Stores one object on an association of its own, and prints the answer as one line of JSON.

    data_set: the bytes that go out instead of the object.
    """
    syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    entity = AE(ae_title=calling)
    entity.add_requested_context(one.SOPClassUID, syntax)
    association = entity.associate("127.0.0.1", port, ae_title=called)
    if not association.is_established:
        print(json.dumps({"rejected": True}))
        return
    if not association.accepted_contexts:
        association.release()
        print(json.dumps({"notNegotiated": True}))
        return
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = syntax
    usual = pynetdicom_association.encode
    if data_set is not None:
        pynetdicom_association.encode = lambda *_, **__: data_set
    try:
        status = association.send_c_store(one)
    finally:
        pynetdicom_association.encode = usual
        association.release()
    print(json.dumps({"Status": status.get("Status"), "ErrorComment": status.get("ErrorComment")}))
