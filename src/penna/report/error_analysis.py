"""The section of mistakes: what was taken for what, or how far off numbers are. From a record to HTML."""

from penna.report import charts, tables
from penna.report.record import Answers, Record

#: A heat map of more classes than this becomes a table of pairs.
_HEAT = 15


def section(record: Record) -> str:
    """Confusion and reliability, or predicted against true; and the worst mistakes."""
    answers = record.get("answers")
    if not answers:
        return ""
    if "parts" in answers:
        wrong = answers["parts"]
        named = wrong and "missed" in wrong[0]
        title = f"Missed and invented, in {len(wrong)} rows" if named else f"The {len(wrong)} answers furthest off"
        return f"<h3>{title}</h3>{tables.parts(wrong)}" if wrong else ""
    drawn = _numbers(answers) if answers.get("pairs") else _classes(record, answers)
    drawn = f'<div class="pair">{drawn}</div>'
    found = answers.get("mistakes")
    if found:
        sure = "largest errors" if answers.get("pairs") else "most confident mistakes"
        drawn += f"<h3>The {len(found)} {sure}</h3>{tables.mistakes(found)}"
    return drawn


def _numbers(answers: Answers) -> str:
    """Predicted against true, and how the errors lie."""
    note = "On the diagonal an answer is right."
    drawn = charts.predictions("Predicted against true", answers["pairs"], note)
    errors = answers.get("errors")
    if errors:
        marks = {"median": float(errors["quantiles"]["50"])}
        caption = "Errors: predicted less true"
        drawn += charts.histogram(caption, errors["edges"], errors["counts"], marks, "error", log=False)
    return drawn


def _classes(record: Record, answers: Answers) -> str:
    """Which classes are taken for which, and whether the probabilities can be trusted."""
    test = record.get("test", {})
    names = answers.get("classes", [])
    drawn = ""
    if answers.get("support"):
        note = "Rows that lack the label and were given the other."
        heads = f'<h3>Labels given in place of others</h3><p class="note">{note}</p>'
        drawn += f'<div class="card">{heads}{tables.confused(answers)}</div>'
    elif len(names) <= _HEAT:
        matrix = [[0] * len(names) for _ in names]
        for true, answer, count in answers["confusion"]:
            matrix[true][answer] = count
        note = "Truth down, answer across. Shade is the share of the true class (its square root: rare errors show)."
        drawn += charts.heat_map("Confusion matrix", names, matrix, note)
    else:
        drawn += f'<div class="card"><h3>Most confused pairs</h3>{tables.confused(answers)}</div>'
    if answers.get("reliability"):
        note = "On the diagonal, a confidence of 80 % is right 80 times in 100. "
        if "calibration_error" in test:
            value, low, high = test["calibration_error"]
            note += f"Expected calibration error {value:.4f} ({low:.4f} to {high:.4f})."
        drawn += charts.reliability("Can the probabilities be trusted?", answers["reliability"], note)
    return drawn
