"""Modalities made of pydicom and pynetdicom: make radiation dose reports as vendors shape them, and store them.

Usage: store-dose-reports.py PORT AE_TITLE, with a list of reports as JSON on standard input: {"shape": "ct-siemens", "uid", ...}.
Which shapes vendors give them is known from the public test files of OpenREM; no content of these is here.
Irradiation events have the UID of the study with .7.<number>, so that those of one study are the same in several reports.
Prints the status of each C-STORE as one line of JSON.
"""

import io
import json
import sys

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pynetdicom.sop_class import (
    EnhancedSRStorage,
    RadiopharmaceuticalRadiationDoseSRStorage,
    XRayRadiationDoseSRStorage,
)

from structured_report import Items, coded, document, store

D, S = codes.DCM, codes.SCT


class Dose(Items):
    """Content items of PS3.16 TID 10001, 10011 and 10021, in the shapes of devices."""

    def __init__(self, asked):
        super().__init__(asked.get("old", False))
        self.asked = asked

    def event_uid(self, number):
        return self.uid(D.IrradiationEventUID, f"{self.asked['studyUid']}.7.{number}")

    def head(self, procedure, scope=D.Study):
        study = self.uid(D.StudyInstanceUID, self.asked["studyUid"])
        intent = self.code(S.HasIntent, S.DiagnosticIntent)
        items = [
            self.code(D.ProcedureReported, procedure, intent),
            self.code(D.ObserverType, D.Device),
            self.text(D.DeviceObserverName, "Invented"),
            self.code(D.ScopeOfAccumulation, scope, study),
        ]
        items[0].RelationshipType = intent.RelationshipType = "HAS CONCEPT MOD"
        for one in items[1:]:
            one.RelationshipType = "HAS OBS CONTEXT"
        study.RelationshipType = "HAS PROPERTIES"
        return items

    def ct_head(self):
        times = [
            self.at(D.StartOfXRayIrradiation, "20260302101500.123"),
            self.at(D.EndOfXRayIrradiation, "20260302101730"),
        ]
        for one in times:
            one.RelationshipType = "HAS OBS CONTEXT"
        return [*self.head(S.ComputerizedAxialTomography), *times]

    def ct_totals(self, events, dlp, unit="mGy.cm"):
        count = self.num(D.TotalNumberOfIrradiationEvents, events, "{events}")
        return self.container(D.CTAccumulatedDoseData, count, self.num(D.CTDoseLengthProductTotal, dlp, unit))

    def dose_check(self):
        """What was configured and foreseen, none of which was given."""
        return [
            self.container(
                D.DoseCheckAlertDetails,
                self.code(D.DLPAlertValueConfigured, S.Yes),
                self.num(D.DLPAlertValue, 5000, "mGy.cm"),
                self.num(D.CtdivolAlertValue, 1000, "mGy"),
                self.num(D.AccumulatedDLPForwardEstimate, 777, "mGy.cm"),
            ),
            self.container(
                D.DoseCheckNotificationDetails,
                self.num(D.DLPNotificationValue, 900, "mGy.cm"),
                self.num(D.CtdivolForwardEstimate, 88, "mGy"),
            ),
        ]

    def ct_dose(self, ctdi, dlp, unit="mGy.cm", more=()):
        return self.container(
            D.CTDose,
            self.num(D.MeanCtdivol, ctdi, "mGy"),
            self.code(D.CtdiwPhantomType, D.IECBodyDosimetryPhantom),
            *([self.num(D.DLP, dlp, unit)] if dlp is not None else []),
            *more,
        )

    def ct_parameters(self):
        source = self.container(
            D.CTXRaySourceParameters, self.text(D.IdentificationOfTheXRaySource, "A"), self.num(D.KVP, 120, "kV")
        )
        return self.container(
            D.CTAcquisitionParameters, self.num(D.ExposureTime, 4.5, "s"), self.num(D.ScanningLength, 450, "mm"), source
        )

    def scan(self, number, kind, protocol=None, dose=None, region=S.ThoracicStructure):
        return self.container(
            D.CTAcquisition,
            *([self.text(D.AcquisitionProtocol, protocol)] if protocol else []),
            self.code(D.TargetRegion, region),
            self.code(D.CTAcquisitionType, kind),
            *([self.event_uid(number)] if number else []),
            self.ct_parameters(),
            *([dose] if dose else []),
        )

    def ct_siemens(self):
        ssde = self.num(D.SizeSpecificDoseEstimate, 13.4, "mGy")
        return [
            *self.ct_head(),
            self.ct_totals(3, "601"),
            self.scan(1, D.ConstantAngleAcquisition, "Topogram", self.ct_dose(0.14, "5.05", more=self.dose_check())),
            self.scan(2, S.SpiralAcquisition, "Thorax", self.ct_dose(11.27, "345.6", more=[ssde, *self.dose_check()])),
            self.scan(3, S.SpiralAcquisition, "ThoraxVen", self.ct_dose(8.1, "250.35", more=self.dose_check())),
        ]

    def ct_ge(self):
        """The stated total is not quite the sum of its parts, the scout has no UID and no dose, nothing a protocol."""
        region = Code("00001", "99GEMS", "Unknown")
        return [
            *self.ct_head(),
            self.ct_totals(3, "415.82", "mGycm"),
            self.scan(None, D.ConstantAngleAcquisition, region=region),
            self.scan(2, D.StationaryAcquisition, dose=self.ct_dose(4.2, "2.1", "mGycm"), region=region),
            self.scan(3, S.SpiralAcquisition, dose=self.ct_dose(5.3, "413.725", "mGycm"), region=region),
        ]

    def ct_toshiba(self):
        """Private items of its own scheme stand between and around what is of the template."""
        private = lambda meaning, *children: self.container(Code("0001", "99XRT", meaning), *children)
        scan = self.scan(1, S.SpiralAcquisition, self.asked["protocol"], self.ct_dose("25.40", "349.70"))
        note = self.text(Code("0002", "99XRT", "Reconstruction"), "113838")
        number = self.num(Code("113838", "99XRT", "Something else"), 99999, "mGy.cm")
        scan.ContentSequence.insert(0, private("Volume EC", note, number))
        return [*self.ct_head(), private("Group", note, self.ct_totals(1, "349.70")), private("Scans", scan), number]

    def ct_philips(self):
        """No total is stated; a value that its decimal string cannot hold stands beside it."""
        scans = [
            self.scan(1, S.SpiralAcquisition, self.asked["protocol"], self.ct_dose("10.2", "120.4")),
            self.scan(2, D.SequencedAcquisition, "Native", self.ct_dose("3.1", "30.25")),
        ]
        measured = scans[0].ContentSequence[-1].ContentSequence[0].MeasuredValueSequence[0]
        measured.NumericValue, measured.FloatingPointValue = "10.2", 10.203125
        count = self.num(D.TotalNumberOfIrradiationEvents, 2, "{events}")
        return [*self.ct_head(), self.container(D.CTAccumulatedDoseData, count), *scans]

    def ct_so_far(self):
        """What was done in the study until now: the scout, which states a dose and no UID, and so many scans."""
        scans = self.asked["scans"]
        scout = self.scan(None, D.ConstantAngleAcquisition, "Scout", self.ct_dose(0.1, "3"))
        spirals = [self.scan(n, S.SpiralAcquisition, "Head", self.ct_dose(50, "100")) for n in range(1, scans + 1)]
        return [*self.ct_head(), self.ct_totals(1 + scans, 3 + 100 * scans), scout, *spirals]

    def ct_continued(self):
        """Of the study, it says, and yet it has only what came since the report before."""
        part = self.asked["part"]
        topogram = self.scan(2 * part, D.ConstantAngleAcquisition, "Topogram", self.ct_dose(0.1, "5.05"))
        spiral = self.scan(2 * part + 1, S.SpiralAcquisition, "Thorax", self.ct_dose(2.03, "55.12"))
        return [*self.ct_head(), self.ct_totals(2, "60.17"), topogram, spiral]

    def plane(self, plane, dap, fluoro_dap, acquired_dap, dose, fluoro_time):
        of = self.code(D.AcquisitionPlane, plane)
        of.RelationshipType = "HAS CONCEPT MOD"
        return self.container(
            D.AccumulatedXRayDoseData,
            of,
            self.container(D.Calibration, self.num(D.CalibrationFactor, 1, "1")),
            self.num(D.DoseAreaProductTotal, dap, "Gy.m2"),
            self.num(D.DoseRPTotal, dose, "Gy"),
            self.num(D.FluoroDoseAreaProductTotal, fluoro_dap, "Gy.m2"),
            self.num(D.FluoroDoseRPTotal, dose / 2, "Gy"),
            self.num(D.TotalFluoroTime, fluoro_time, "s"),
            self.num(D.AcquisitionDoseAreaProductTotal, acquired_dap, "Gy.m2"),
            self.num(D.AcquisitionDoseRPTotal, dose / 2, "Gy"),
            self.num(D.TotalAcquisitionTime, 12, "s"),
        )

    def exposure(self, number, *items, kind=D.StationaryAcquisition, plane=D.SinglePlane, protocol=None, region=None):
        of = self.code(D.AcquisitionPlane, plane)
        of.RelationshipType = "HAS CONCEPT MOD"
        return self.container(
            D.IrradiationEventXRayData,
            of,
            self.event_uid(number),
            self.at(D.DatetimeStarted, f"2026030210{15 + number}00.534000"),
            self.code(D.IrradiationEventType, kind),
            *([self.text(D.AcquisitionProtocol, protocol)] if protocol else []),
            *([region] if region else []),
            *items,
        )

    def fluoro_siemens(self):
        doses = lambda dap, dose: [
            self.num(D.DoseAreaProduct, dap, "Gy.m2"),
            self.num(D.DoseRP, dose, "Gy"),
            self.num(D.IrradiationDuration, 2.5, "s"),
            self.num(D.ExposureTime, 168, "ms"),
        ]
        return [
            *self.head(D.ProjectionXRay),
            self.plane(D.PlaneA, "0.0012", "0.0004", "0.0008", 0.085, 312),
            self.plane(D.PlaneB, "3.4e-004", "1e-004", "2.4e-004", 0.021, 95),
            self.exposure(1, *doses("0.0004", 0.04), kind=S.Fluoroscopy, plane=D.PlaneA, protocol="FL Card"),
            self.exposure(2, *doses("0.0008", 0.045), kind=D.StationaryAcquisition, plane=D.PlaneA, protocol="Coro"),
            self.exposure(3, *doses("3.4e-004", 0.021), kind=S.Fluoroscopy, plane=D.PlaneB, protocol="FL Card"),
        ]

    def dx(self):
        """No accumulated dose at all, each exposure in another unit."""
        indices = [self.num(D.ExposureIndex, 662.18, "1"), self.num(D.DeviationIndex, 4.66, "1")]
        hip = self.code(D.TargetRegion, S.HipJointStructure)
        product = lambda value, unit: self.num(D.DoseAreaProduct, value, unit)
        return [
            *self.head(D.ProjectionXRay, D.PerformedProcedureStep),
            self.exposure(1, product("1.07", "dGy.cm2"), *indices, protocol="Hip AP", region=hip),
            self.exposure(2, product("8.2e-001", "uGy.m2"), *indices, protocol="Hip lateral", region=hip),
            self.exposure(3, product("12.5", "mGy.cm2"), *indices, protocol="Hip lateral", region=hip),
        ]

    def side(self, side):
        one = self.code(S.Laterality, side)
        one.RelationshipType = "HAS CONCEPT MOD"
        return one

    def breast(self, number, agd, unit, *region):
        return self.exposure(
            number,
            *region,
            self.num(D.EntranceExposureAtRP, 3.65, "mGy"),
            self.num(D.AverageGlandularDose, agd, unit),
            self.num(D.CompressionThickness, 43, "mm"),
            self.num(D.CompressionForce, 98, "N"),
        )

    def mg_hologic(self):
        """Accumulated for each breast; the side of an exposure stands under its anatomical structure."""
        anatomy = lambda side: self.code(S.AnatomicalStructure, S.Breast, self.side(side))
        totals = self.container(
            D.AccumulatedXRayDoseData,
            self.num(D.AccumulatedAverageGlandularDose, "1.30", "mGy", self.side(S.LeftBreast)),
            self.num(D.AccumulatedAverageGlandularDose, "0.0128", "dGy", self.side(S.RightBreast)),
        )
        left = self.breast(1, "1.30", "mGy", anatomy(S.Left), self.code(D.TargetRegion, S.Breast))
        right = self.breast(2, "1.28", "mGy", anatomy(S.Right), self.code(D.TargetRegion, S.Breast))
        return [*self.head(S.Mammography), totals, left, right]

    def mg_by_region(self):
        """Nothing accumulated; the side is that of the region, or of the finding site."""
        return [
            *self.head(S.Mammography),
            self.breast(1, "0.011", "dGy", self.code(D.TargetRegion, S.LeftBreast)),
            self.breast(2, "1.2", "mGy", self.code(D.TargetRegion, S.Breast, self.side(S.Left))),
            self.breast(3, "0.14", "cGy", self.code(D.TargetRegion, S.RightBreast)),
            self.breast(4, "950", "uGy", self.code(S.FindingSite, S.RightBreast)),
        ]

    def pet(self):
        agent = self.code(
            S.Radiopharmaceuticals,
            S.FluorodeoxyglucoseF18,
            self.code(S.RadioactiveIsotope, S._18Fluorine),
        )
        administration = self.container(
            D.RadiopharmaceuticalAdministration,
            agent,
            self.uid(D.RadiopharmaceuticalAdministrationEventUID, f"{self.asked['studyUid']}.7.1"),
            self.code(D.IntravenousExtravasationSymptoms, S.InjectionSiteExtravasation),
            self.num(D.EstimatedExtravasationActivity, "1.2", "MBq"),
            self.at(D.RadiopharmaceuticalStartDatetime, "20260302090000"),
            self.num(D.AdministeredActivity, "0.2487", "GBq"),
            self.num(D.PreAdministrationMeasuredActivity, "260", "MBq"),
            self.num(D.PostAdministrationMeasuredActivity, "11.3", "MBq"),
            self.code(S.RouteOfAdministration, S.IntravenousRoute),
        )
        return [*self.head(S.PETCTFDGImagingOfWholeBody), administration]

    def broken(self):
        """A CT report that states its total in a broken way, and no DLP of its scan."""
        totals = self.ct_totals(1, 1)
        measured = totals.ContentSequence[1].MeasuredValueSequence[0]
        how = self.asked["broken"]
        if how == "no-unit":
            del measured.MeasurementUnitsCodeSequence
        elif how == "empty":
            totals.ContentSequence[1].MeasuredValueSequence = []
        elif how == "other-unit":
            measured.MeasurementUnitsCodeSequence = [coded(Code("mSv", "UCUM", "mSv"))]
        else:
            tag = Tag("NumericValue")
            written = {"nan": b"NaN ", "comma": b"12,5", "two-values": b"1\\2 "}[how]
            measured[tag] = RawDataElement(tag, "DS", len(written), written, 0, self.asked.get("implicit", False), True)
        return [*self.ct_head(), totals, self.scan(1, S.SpiralAcquisition, "Head", self.ct_dose(50, None))]

    def nested(self):
        """The usual content, so many containers down."""
        content = self.ct_so_far()
        for _ in range(self.asked["levels"]):
            content = [self.container(Code("0003", "99XRT", "Level"), *content)]
        return content


enhanced = {"ct-ge", "letter"}
titles = {
    "pet": D.RadiopharmaceuticalRadiationDoseReport,
    "unknown-template": Code("0004", "99XRT", "Our dose report"),
    "letter": codes.LN.DiagnosticImagingReport,
}
templates = {"pet": "10021", "unknown-template": "99999", "letter": None}


def report(asked):
    shape = asked["shape"]
    dose = Dose(asked)
    content = {"unknown-template": dose.ct_siemens, "letter": lambda: [dose.text(D.Comment, "A letter.")]}
    made = content.get(shape) or getattr(dose, shape.replace("-", "_"))
    sop_class = EnhancedSRStorage if shape in enhanced else XRayRadiationDoseSRStorage
    if shape == "pet":
        sop_class = RadiopharmaceuticalRadiationDoseSRStorage
    template = templates.get(shape, "10011" if shape.startswith("ct") else "10001")
    return document(asked, sop_class, titles.get(shape, D.XRayRadiationDoseReport), made(), template)


for asked in json.load(sys.stdin):
    one = report(asked)
    implicit = asked.get("implicit", False)
    data_set = None
    if asked.get("cut"):
        written = io.BytesIO()
        pydicom.dcmwrite(written, one, implicit_vr=implicit, little_endian=True)
        data_set = written.getvalue()[: asked["cut"]]
    store(one, int(sys.argv[1]), sys.argv[2], asked.get("as", "CT01"), implicit, data_set)
