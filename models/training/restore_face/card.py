"""Write the model card from the figures, so that no number in it is typed by hand.

python card.py --model ../../vidface-restore --evals mild.json medium.json heavy.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cards import filled, of_file

COLUMNS = {
    "psnr_db": ("PSNR dB", 2),
    "ssim": ("SSIM", 4),
    "ids": ("IDS", 3),
    "ids_independent": ("IDS, independent", 3),
    "akd_px": ("AKD px", 2),
    "tlme_px": ("TLME px", 3),
    "flicker": ("flicker", 2),
    "warp_error": ("warp", 3),
}
OURS, INPUT = "vidface", "bicubic"


def overall(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Method -> means over all clips."""
    return dict(report["overall"])


def level_table(report: dict[str, Any]) -> str:
    """A row a method."""
    lines = [f"### {report['level']}: {len(report['clips'])} clips", "", "| method | "]
    lines[-1] += " | ".join(name for name, _ in COLUMNS.values()) + " |"
    lines.append("|---" * (len(COLUMNS) + 1) + "|")
    for method, row in overall(report).items():
        cells = [f"{row[key]:.{digits}f}" if key in row else "" for key, (_, digits) in COLUMNS.items()]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def gains(report: dict[str, Any], key: str) -> list[float]:
    """Ours less the input's, clip by clip."""
    clips = [clip["results"] for clip in report["clips"]]
    return [clip[OURS][key] - clip[INPUT][key] for clip in clips if key in clip[OURS]]


def targets(report: dict[str, Any]) -> str:
    """Each aim at medium with what was reached."""
    rows = overall(report)
    mine, base = rows[OURS], rows[INPUT]
    checks = [
        ("PSNR over bicubic", ">= 1.0 dB", mine["psnr_db"] - base["psnr_db"], 1.0, 1),
        ("SSIM over bicubic", ">= 0.03", mine["ssim"] - base["ssim"], 0.03, 1),
        ("IDS over bicubic", ">= 0.05", mine["ids"] - base["ids"], 0.05, 1),
        ("IDS over bicubic, worst clip", ">= -0.02", min(gains(report, "ids")), -0.02, 1),
    ]
    if "ids_independent" in mine:
        difference = mine["ids_independent"] - base["ids_independent"]
        checks.append(("IDS over bicubic, independent judge", ">= 0.05", difference, 0.05, 1))
        worst = min(gains(report, "ids_independent"))
        checks.append(("the same, worst clip", ">= -0.02", worst, -0.02, 1))
    checks.append(("flicker over the input's", "<= 0", mine["flicker"] - base["flicker"], 0.0, -1))
    checks.append(("TLME over the input's, px", "<= 0", mine["tlme_px"] - base["tlme_px"], 0.0, -1))
    lines = ["| medium | aim | reached | |", "|---|---|---|---|"]
    for name, aim, value, bar, sign in checks:
        met = sign * (value - bar) >= 0
        lines.append(f"| {name} | {aim} | {value:+.3f} | {'met' if met else '**missed**'} |")
    return "\n".join(lines)


def clips(report: dict[str, Any]) -> str:
    """Gains a clip."""
    lines = [
        "| clip | crop in the bad clip, px | PSNR | SSIM | IDS | IDS, independent |",
        "|---|---|---|---|---|---|",
    ]
    for clip in report["clips"]:
        mine, base = clip["results"][OURS], clip["results"][INPUT]
        keys = (("psnr_db", 2), ("ssim", 3), ("ids", 3), ("ids_independent", 3))
        cells = [f"{mine[k] - base[k]:+.{d}f}" if k in mine else "" for k, d in keys]
        lines.append(f"| {clip['clip']} | {clip['crop_px']:.0f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def worst(reports: list[dict[str, Any]]) -> str:
    """The least gain of identity of any clip, level by level."""
    told = []
    for report in reports:
        judges = [key for key in ("ids", "ids_independent") if gains(report, key)]
        told.append(f"{report['level']} " + " and ".join(f"{min(gains(report, key)):+.3f}" for key in judges))
    return ", ".join(told)


def groups(table: dict[str, dict[str, float]]) -> str:
    """Gains a group, with their standard errors."""
    lines = [
        "| group | pictures (people) | PSNR before | PSNR | SSIM | IDS before | IDS | IDS, independent |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in table.items():
        if not row["pictures"]:
            continue
        cells = [f"{row['pictures']:.0f} ({row['people']:.0f})", f"{row['psnr_before']:.2f}"]
        keys = (("psnr_db", 2), ("ssim", 4), ("ids_before", 3), ("ids", 3), ("ids_independent", 3))
        for key, digits in keys:
            error = row.get(f"{key}_error", 0.0)
            before = key.endswith("before")
            cells.append(
                f"{row[key]:.{digits}f}" if before else f"{row[key]:+.{digits}f} ± {error:.{digits}f}"
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def short(report: dict[str, Any]) -> dict[str, Any]:
    """A report whose files are named by folder and name only."""
    for clip in report["clips"]:
        clip["clip"] = "/".join(Path(clip["clip"]).parts[-2:])
    report["graph"]["file"] = "/".join(Path(report["graph"]["file"]).parts[-2:])
    return report


def card(folder: Path) -> str:
    """The whole card, from metrics, facts and groups."""
    facts, reports, by_group = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("facts", "metrics", "groups")
    )
    trained = facts["trained"]
    parts = {
        **of_file(facts),
        "GMACS": f"{facts['multiply_adds_a_frame'] / 1e9:.1f}",
        "DIFFERENCE": f"{facts['max_abs_difference_to_torch']:.4f}",
        "TRAINED": "{frames:,.0f} frames, {steps:,.0f} steps, {minutes:.0f} minutes".format(**trained),
        "TARGETS": targets(reports["medium"]),
        "LEVELS": "\n\n".join(level_table(report) for report in reports.values()),
        "WORST": worst(list(reports.values())),
        "CLIPS": clips(reports["medium"]),
        "GROUPS": groups(by_group["groups"]),
    }
    return filled(Path(__file__).parent / "card_template.md", parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--evals", type=Path, nargs="+", required=True, help="JSON of vidface eval restore")
    args = parser.parse_args()
    reports = {one["level"]: one for one in (short(json.loads(p.read_text())) for p in args.evals)}
    (args.model / "metrics.json").write_text(json.dumps(reports, indent=1) + "\n")
    (args.model / "card.md").write_text(card(args.model))


if __name__ == "__main__":
    main()
