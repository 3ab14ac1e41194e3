"""A PACS made of pydicom, highdicom and pynetdicom: makes images and Key Object Selection documents, and stores them.

Usage: store-rejection-notes.py 0, with a list of what to store as JSON on standard input, each with "port" and "called":
{"kind": "image", "studyUid", "series", "uid", "modality", ...} or {"kind": "note", "shape", "uid", "title", "rejected", ...},
where "rejected" are images as they were stored.
Prints the status of each C-STORE as one line of JSON.
"""

import copy
import json
import sys

import highdicom
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pynetdicom.sop_class import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    KeyObjectSelectionDocumentStorage,
)

from structured_report import Items, store

D = codes.DCM
titles = {
    "113000": D.OfInterest,
    "113001": D.RejectedForQualityReasons,
    "113037": D.RejectedForPatientSafetyReasons,
    "113038": D.IncorrectModalityWorklistEntry,
    "113039": D.DataRetentionPolicyExpired,
}


def image(asked):
    one = Dataset()
    one.SpecificCharacterSet = "ISO_IR 192"
    one.SOPClassUID = CTImageStorage if asked["modality"] == "CT" else DigitalXRayImageStorageForPresentation
    one.SOPInstanceUID, one.Modality = asked["uid"], asked["modality"]
    one.PatientName, one.PatientID = asked["patientName"], asked["patientId"]
    one.PatientBirthDate = one.PatientSex = one.StudyID = one.ReferringPhysicianName = ""
    one.StudyInstanceUID, one.StudyDate, one.StudyTime = asked["studyUid"], "20260302", "093000"
    one.AccessionNumber = asked["accessionNumber"]
    one.SeriesInstanceUID, one.SeriesNumber = f"{asked['studyUid']}.{asked['series']}", asked["series"]
    one.InstanceNumber, one.BodyPartExamined = 1, "CHEST"
    one.Rows = one.Columns = 2
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelData = 1, "MONOCHROME2", b"\0" * 8
    one["PixelData"].VR = "OW"
    return one


def by_highdicom(asked, rejected):
    """As highdicom makes it: TID 2010 with a description, its evidence in the study of the first image."""
    return highdicom.ko.KeyObjectSelectionDocument(
        evidence=rejected,
        content=highdicom.ko.KeyObjectSelection(titles[asked["title"]], rejected, description="Made by highdicom"),
        series_instance_uid=f"{asked['uid']}.1",
        series_number=99,
        sop_instance_uid=asked["uid"],
        instance_number=1,
        manufacturer="Invented PACS",
    )


def modified(note, reason):
    """With a Document Title Modifier, which says what is wrong with the images (CID 7011)."""
    modifier = Items().code(D.DocumentTitleModifier, Code(reason, "DCM", "reason"))
    modifier.RelationshipType = "HAS CONCEPT MOD"
    note.ContentSequence = [modifier, *note.ContentSequence]
    return note


def evidence_of(images):
    studies = {}
    for one in images:
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
        studies.setdefault(one.StudyInstanceUID, {}).setdefault(one.SeriesInstanceUID, []).append(reference)
    items = []
    for study_uid, found in studies.items():
        study = Dataset()
        study.StudyInstanceUID, study.ReferencedSeriesSequence = study_uid, []
        for series_uid, references in found.items():
            series = Dataset()
            series.SeriesInstanceUID, series.ReferencedSOPSequence = series_uid, references
            study.ReferencedSeriesSequence.append(series)
        items.append(study)
    return items


def bare(asked, rejected):
    """No more than what is needed: title, evidence, references; no template, observer or description."""
    note = by_highdicom(asked, [one for one in rejected if one.StudyInstanceUID == rejected[0].StudyInstanceUID])
    for keyword in ("ContentTemplateSequence", "ReferencedPerformedProcedureStepSequence"):
        if keyword in note:
            del note[keyword]
    references = []
    for one in rejected:
        item = Dataset()
        item.RelationshipType, item.ValueType = "CONTAINS", "IMAGE"
        sop = Dataset()
        sop.ReferencedSOPClassUID, sop.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
        item.ReferencedSOPSequence = [sop]
        references.append(item)
    note.ContentSequence = references
    note.CurrentRequestedProcedureEvidenceSequence = evidence_of(rejected)
    return note


def identical(asked, rejected):
    """One of two documents, one in each study, that say the same and name each other (PS3.3 section C.17.2)."""
    note = bare(asked, rejected)
    other = Dataset()
    reference = Dataset()
    reference.ReferencedSOPClassUID = KeyObjectSelectionDocumentStorage
    reference.ReferencedSOPInstanceUID = asked["identicalTo"]
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = f"{asked['identicalTo']}.1", [reference]
    other.StudyInstanceUID = next(
        one.StudyInstanceUID for one in rejected if one.StudyInstanceUID != rejected[0].StudyInstanceUID
    )
    other.ReferencedSeriesSequence = [series]
    note.IdenticalDocumentsSequence = [other]
    return note


shapes = {"highdicom": by_highdicom, "bare": bare, "identical": identical}

for asked in json.load(sys.stdin):
    if asked["kind"] == "image":
        one = image(asked)
    else:
        one = shapes[asked["shape"]](asked, [image(rejected) for rejected in asked["rejected"]])
        if "reason" in asked:
            one = modified(one, asked["reason"])
    # highdicom's classes check what is set: what is sent is the data set alone.
    plain = Dataset()
    plain.update(copy.deepcopy(dict(one)))
    store(plain, asked["port"], asked["called"], asked.get("as", "PACS"), asked.get("implicit", False))
