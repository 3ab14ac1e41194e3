"""An injector made of pydicom and pynetdicom: makes Performed Imaging Agent Administration SRs, and stores them.

Usage: store-injector-reports.py PORT, with a list of reports as JSON on standard input: {"shape": "single", "uid", ...}.
With "file" the report is written there instead of being sent.
Prints the status of each C-STORE as one line of JSON.
"""

import io
import json
import sys

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.sop_class import PerformedImagingAgentAdministrationSRStorage

from structured_report import Items, document, store

D, S = codes.DCM, codes.SCT


class Injection(Items):
    def phase(self, agent, volume, rate, began, ended):
        return self.container(
            D.ImagingAgentAdministrationPhase,
            self.code(D.ImagingAgentAdministrationPhaseType, D.AutomaticProgrammedAdministrationPhase),
            self.container(
                D.ImagingAgentAdministrationActivity,
                self.text(D.ReferencedImagingAgentIdentifier, agent),
                self.num(D.StartingFlowRateOfAdministration, rate, "mL/s"),
                self.num(D.PeakPressureInPhaseActivity, 95, "[psi]"),
                self.at(D.DatetimeStarted, began),
                self.at(D.DatetimeEnded, ended),
            ),
            self.num(D.TotalPhaseVolumeAdministered, volume, "mL"),
        )

    def step(self, kind, *phases):
        return self.container(
            D.ImagingAgentAdministrationStep, self.code(D.AdministrationStepType, kind), *phases
        )

    def agents(self):
        contrast = self.container(
            D.ImagingAgentInformation,
            self.text(D.ImagingAgentIdentifier, "A"),
            self.container(
                D.ImagingAgentComponent,
                self.text(D.BrandName, "Ultravist 370"),
                self.text(D.LotIdentifier, "KT0A1"),
            ),
        )
        saline = self.container(
            D.ImagingAgentInformation,
            self.text(D.ImagingAgentIdentifier, "B"),
            self.container(D.ImagingAgentComponent, self.code(D.ContrastBolusAgent, S.Saline)),
        )
        return [contrast, saline]

    def content(self, shape):
        route = self.code(S.RouteOfAdministration, S.IntravenousRoute)
        complete = self.code(D.ImagingAgentAdministrationCompletionStatus, S.Complete)
        main = self.phase("A", 78.5, 3, "20260302100500.12+0100", "20260302100526+0100")
        if shape == "single":
            return [route, self.agents()[0], self.container(D.ImagingAgentAdministrationSteps, self.step(D.DiagnosticAdministration, main)), complete]  # fmt: skip
        if shape == "three-phases":
            test = self.phase("A", 15, 5, "20260302100300", "20260302100303")
            flush = self.phase("B", 40, 3, "20260302100526", "20260302100540")
            steps = [self.step(D.TransitTimeTestInjection, test), self.step(D.DiagnosticAdministration, main, flush)]
            return [route, *self.agents(), self.container(D.ImagingAgentAdministrationSteps, *steps), complete]
        stopped = self.phase("A", 31, 4, "20260302100500", "20260302100508")
        adverse = self.container(
            D.ImagingAgentAdministrationAdverseEvents,
            self.code(
                D.ImagingAgentAdministrationAdverseEvents,
                S.InjectionSiteExtravasation,
                self.num(D.EstimatedExtravasationVolume, 12, "mL"),
                self.at(D.AdverseEventDetectionDatetime, "20260302100508"),
            ),
        )
        ended = self.container(
            D.ImagingAgentAdministrationInjectorEvents,
            self.code(D.AdministrationDiscontinued, S.Yes),
            self.code(
                D.ImagingAgentAdministrationInjectorEventType,
                D.TerminatedDueToRequestFromOperator,
                self.at(D.InjectorEventDetectionDatetime, "20260302100508"),
            ),
        )
        steps = self.container(D.ImagingAgentAdministrationSteps, self.step(D.DiagnosticAdministration, stopped))
        return [route, *self.agents(), steps, adverse, ended]


def report(asked):
    content = Injection(asked.get("old", False)).content(asked["shape"])
    title = D.PerformedImagingAgentAdministration
    return document(asked, PerformedImagingAgentAdministrationSRStorage, title, content, template="11020")


def attacked(one, attack):
    """The bytes that go out instead of the report."""
    if attack == "wrong-class":
        one.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.67"
    if attack == "no-instance":
        del one.SOPInstanceUID
    if attack == "no-class":
        del one.SOPClassUID
    if attack == "no-root":
        del one.ValueType
    if attack == "nested":
        level = bytes.fromhex("400030a7ffffffff" + "feff00e0ffffffff")
        return level * 20000
    written = io.BytesIO()
    pydicom.dcmwrite(written, one, implicit_vr=True, little_endian=True)
    bytes_of = written.getvalue()
    return bytes_of[: len(bytes_of) // 2 + 1] if attack == "truncated" else bytes_of


for asked in json.load(sys.stdin):
    one = report(asked)
    if "file" in asked:
        one.file_meta = FileMetaDataset()
        one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        pydicom.dcmwrite(asked["file"], one, enforce_file_format=True)
        print(json.dumps({"Status": 0}))
        continue
    implicit = asked.get("implicit", False) or "attack" in asked
    data_set = attacked(report(asked), asked["attack"]) if "attack" in asked else None
    store(one, int(sys.argv[1]), "COLLIMATOR", asked.get("as", "INJECTOR1"), implicit, data_set)
