"""The forecast at the command line: what a person types, reads, and gets told when it is wrong."""

import json
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils.translation import override

from campaigns.definition.document import definition_stored
from campaigns.definition.writing import definition_write
from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from config.cli import rehearse
from core.canonical import canonical_hash
from core.embedded.paths import CHECKOUT
from core.embedded.record import ServiceUrls
from core.errors import InvalidParametersError
from core.transactions import transaction_read_only
from redemption.forecast.chart import burn_down
from redemption.forecast.parameters import PARAMETERS, parameter_words
from redemption.forecast.reading import definition_named
from redemption.forecast.services import forecast_make
from redemption.forecast.table import table_text
from tests.factories.definitions import document_make
from tests.factories.running import BEFORE
from tests.factories.staff import staff_make

WRITTEN = """SELECT relname, n_tup_ins + n_tup_upd + n_tup_del
               FROM pg_stat_xact_user_tables ORDER BY relname"""


def written() -> dict[str, int]:
    """Return how many rows this transaction has written, by table."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN)
        return dict(cursor.fetchall())


def said_by(*arguments: str) -> str:
    out = StringIO()
    call_command("campaign_forecast", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def draft() -> Campaign:
    return campaign_draft_save(
        document=document_make(), actor=staff_make("CAMPAIGN_MAKER"), now=BEFORE
    )


@pytest.mark.django_db
def test_a_file_a_programme_and_a_draft_are_forecast(draft: Campaign, tmp_path: Path) -> None:
    path, target = tmp_path / "plan.yaml", tmp_path / "forecast.json"
    path.write_text(definition_write(document_make(), "yaml"), encoding="utf-8")
    said = said_by(str(path), f"--json={target}", "--param", "use=0", "--seed=5")
    for title in ("合计", "批次", "各轮投放", "预计拒绝", "逐日核销", "出资方资金", "模型参数"):
        assert f"\n{title} " in said
    assert said.startswith("投放预测：春季消费券\n")
    assert "预测不是承诺" in said
    figures = json.loads(target.read_text(encoding="utf-8"))
    assert (figures["seed"], figures["parameters"]["use"]) == (5, 0)
    assert figures["config_hash"] == canonical_hash(draft.draft)
    assert sum(batch["redeemed"] for batch in figures["batches"]) == 0
    # The same of the draft in the database, and of what comes with the platform.
    again = tmp_path / "again.json"
    said_by("spring-2026", f"--json={again}", "--param", "use=0", "--seed=5")
    assert again.read_bytes() == target.read_bytes()
    assert "2025年" in said_by("nanyang-2025", "--scale=10")


@pytest.mark.django_db
def test_a_forecast_writes_no_row(draft: Campaign) -> None:
    before = written()
    assert sum(before.values()) > 0
    said_by(draft.code)
    said_by("linhe-2023", "--scale=100")
    assert written() == before


@pytest.mark.django_db
def test_what_a_forecast_reads_in_can_write_nothing(draft: Campaign) -> None:
    with pytest.raises(DatabaseError, match="read-only"), transaction_read_only():
        Campaign.objects.filter(pk=draft.pk).update(title="anders")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-campaign"], "no-such-campaign"),
        (["missing/plan.yaml"], "No such file"),
        ([], "name a campaign"),
        (["nanyang-2025", "--param", "nonsense=1"], "nonsense: 没有这个参数"),
        (["nanyang-2025", "--param", "away=1001"], "away: 应在 0 至 1000 ‰之间"),
        (["nanyang-2025", "--param", "away"], "NAME=VALUE"),
        (["nanyang-2025", "--scale", "100000"], "scale: 样本为空：不得大于"),
        (["nanyang-2025", "--seed", "-1"], "seed: 应在 0 至"),
        (["nanyang-2025", "--scale=50", "--json", "/nowhere/at/all.json"], "No such file"),
    ],
)
def test_bad_input_is_named_with_code_two(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as caught:
        said_by(*arguments)
    assert caught.value.returncode == 2


@pytest.mark.django_db
def test_a_definition_that_is_wrong_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    plan: dict[str, Any] = document_make()
    plan["batches"][0]["face_fen"] = 0
    path.write_text(definition_write(plan, "yaml"), encoding="utf-8")
    with pytest.raises(CommandError, match=r"batches\[0\]\.face_fen"):
        said_by(str(path))


@pytest.mark.django_db
def test_a_campaign_without_a_name_of_its_own_is_not_guessed() -> None:
    with pytest.raises(InvalidParametersError):
        definition_named("../definitions/nanyang-2025")


def test_the_parameters_can_be_listed() -> None:
    said = said_by("--list-params")
    assert "burst_s" in said
    assert "示意假设" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--forecast"],
        ["--campaign", "nanyang-2025"],
        ["--param", "use=1"],
        ["--forecast", "--campaign", "nanyang-2025", "--days", "3"],
        ["--forecast", "--campaign", "nanyang-2025", "--faults"],
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        rehearse.run(arguments)
    assert caught.value.code == 2
    assert "usage: ./run rehearse" in capsys.readouterr().err


@pytest.mark.slow
def test_as_a_person_types_it(own_database: ServiceUrls, tmp_path: Path) -> None:
    target = tmp_path / "forecast.json"
    environment = {**os.environ, **own_database.environment()}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "config.cli", "rehearse", "--forecast", *arguments],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    plan = "campaigns/definitions/nanyang-2025.yaml"
    done = run("--campaign", plan, "--scale=10", f"--json={target}")
    assert done.returncode == 0, done.stderr
    assert "各轮投放" in done.stdout
    assert json.loads(target.read_text(encoding="utf-8"))["sample"]["scale"] == 10
    wrong = run("--campaign", "nothing-of-the-kind")
    assert wrong.returncode == 2
    assert "nothing-of-the-kind" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_names_with_brackets_are_printed_as_they_are() -> None:
    plan = document_make(title="[bold]春季[/x] :tada:")
    plan["batches"][0]["name"] = "[/满100减30]"
    said = table_text(forecast_make(definition_stored(plan), scale=50))
    assert said.startswith("投放预测：[bold]春季[/x] :tada:\n")
    assert "[/满100减30]" in said


def test_the_words_of_a_forecast_are_english_for_who_reads_english() -> None:
    plan = document_make(title="Spring")
    plan["batches"][0]["name"] = "100-30"
    for funder in plan["funders"]:
        funder["name"] = funder["code"]
    forecast = forecast_make(definition_stored(plan), scale=50)
    with override("en"):
        said = table_text(forecast)
        said += " ".join(map(str, (parameter_words(one) for one in PARAMETERS)))
        said += burn_down(forecast.batches[0])
    assert re.findall("[\u4e00-\u9fff]+", said) == []
    assert "Sold out" in said
