"""Reports: anyone may make one, curators decide, and what is taken out is out everywhere."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from feedback.annotation.services import assignment_lease
from feedback.arena.answers.candidates import answerable_versions
from feedback.arena.answers.recorded import question_examples, recorded_question
from feedback.campaigns.services import campaign_create
from feedback.people.models import AuditEvent, Contributor, Role
from feedback.people.services import consent_give, contributor_create
from feedback.pool.lifecycle import judgments_publish
from feedback.pool.models import Comparison, Response, Turn
from feedback.pool.moderation.models import Report, ReportReason, ReportState
from feedback.pool.moderation.services import (
    case_dismiss,
    case_find,
    flaw_report,
    report_create,
)
from feedback.pool.reactions import reaction_record
from feedback.training.snapshots.services import EmptyPoolError, snapshot_write
from tests.feedback.arena.builders import QUESTION, two_recorded
from tests.feedback.builders import (
    judge,
    make_comparison,
    make_contributor,
    make_response,
    make_turn,
    make_version,
)
from tests.feedback.importing.files import import_file, vote, write_rows
from tests.markup import tight
from trainers.data.snapshot import Snapshot

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]
HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)> [go](javascript:alert(1))"


@pytest.fixture
def curator(db) -> Contributor:
    made = contributor_create(name="carla", role=Role.CURATOR)
    consent_give(contributor=made)
    return made


@pytest.fixture
def published(settings) -> Comparison:
    """A comparison with one public judgment."""
    settings.PUBLICATION_DELAY_SECONDS = 0
    comparison = make_comparison()
    judge(comparison, make_contributor(), rationale="Better.")
    judgments_publish()
    return comparison


def exported(client, **query: object) -> list[dict]:
    judgments_publish()
    answer = client.get("/api/v1/preferences/export/", query)
    return [json.loads(line) for line in b"".join(answer).splitlines()]


def cursor(client) -> str:
    return client.get("/api/v1/preferences/export/")["X-Next-Cursor"]


def decide(browser, what: str, report: Report | None = None):
    report = report or Report.objects.latest("created_at")
    return browser.post(f"/reports/{report.pk}/", {"do": what})


def send(browser, response: Response, **form: str):
    wanted = {"what": "answer", "reason": "unsafe"} | form
    return browser.post(f"/report/{response.public_id}/", wanted)


class TestReporting:
    """The form."""

    def test_a_member_reports_an_answer_and_goes_back(self, alice, client_of, published):
        browser, answer = client_of(alice), published.response_a
        page = browser.get(f"/report/{answer.public_id}/?next=/annotate/").content.decode()
        assert answer.text in page
        assert str(answer.version) not in page  # it may still be judged blind
        sent = send(browser, answer, text=" It is rude. ", next="/annotate/")
        assert (sent.status_code, sent.headers["Location"]) == (302, "/annotate/")
        report = Report.objects.get()
        assert (report.response, report.turn, report.reporter) == (answer, None, alice)
        assert (report.reason, report.text, report.state) == ("unsafe", "It is rude.", "open")

    def test_an_anonymous_contributor_reports_a_prompt(self, client_of, published):
        anonymous = make_contributor()
        send(client_of(anonymous), published.response_a, what="prompt", reason="personal_data")
        report = Report.objects.get()
        assert (report.turn, report.response) == (published.turn, None)

    def test_a_stranger_is_asked_to_agree_first(self, stranger, published):
        answer = send(stranger, published.response_a)
        assert answer.headers["Location"].startswith("/terms/?next=")
        assert not Report.objects.exists()

    def test_twice_is_once(self, alice, client_of, published):
        for _ in range(2):
            assert send(client_of(alice), published.response_a).status_code == 302
        assert Report.objects.count() == 1

    @pytest.mark.parametrize(
        "wrong", [{"reason": ""}, {"reason": "boring"}, {"text": "x" * 2001}, {"text": "a\x00"}]
    )
    def test_what_is_wrong_is_said(self, alice, client_of, published, wrong):
        answer = send(client_of(alice), published.response_a, **wrong)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.content.decode()
        assert not Report.objects.exists()

    def test_what_is_not_there_cannot_be_reported(self, alice, client_of):
        assert client_of(alice).get("/report/nothing/").status_code == 404

    def test_too_many_at_once_are_refused(self, alice, client_of):
        answers = [make_comparison().response_a for _ in range(12)]
        statuses = [send(client_of(alice), answer).status_code for answer in answers]
        assert statuses == [302] * 10 + [429] * 2

    def test_elsewhere_is_no_place_to_go_back_to(self, alice, client_of, published):
        sent = send(client_of(alice), published.response_a, next="https://evil.example/")
        assert sent.headers["Location"] == "/"


class TestDeciding:
    """The curators' page."""

    def test_curators_and_operators_see_it_folded_and_harmless(
        self, curator, olivia, alice, client_of, published
    ):
        Response.objects.filter(pk=published.response_a_id).update(text=HOSTILE)
        report_create(
            reporter=alice, response=published.response_a, reason="unsafe", text="<b>Look</b>"
        )
        for person in (curator, olivia):
            page = tight(client_of(person).get("/reports/").content.decode())
            assert "Take out of circulation" in page
            assert "<details><summary>Show the text" in page
            assert "&lt;script&gt;" in page
            assert "<script>alert" not in page
            assert "<img" not in page
            assert 'href="javascript' not in page
            assert "&lt;b&gt;Look" in page
        assert 'href="/reports/"' in client_of(curator).get("/data/").content.decode()

    def test_members_and_strangers_do_not(self, alice, client_of, stranger, published):
        report_create(reporter=alice, response=published.response_a, reason="spam")
        for browser in (client_of(alice), stranger):
            assert browser.get("/reports/").status_code == 403
            assert decide(browser, "uphold").status_code == 403
        assert Report.objects.get().state == ReportState.OPEN
        assert 'href="/reports/"' not in client_of(alice).get("/data/").content.decode()

    def test_all_reports_of_a_text_are_decided_at_once_and_once(
        self, alice, bob, curator, client_of, published
    ):
        for person in (alice, bob):
            report_create(reporter=person, response=published.response_a, reason="spam")
        browser = client_of(curator)
        assert "2 reports" in browser.get("/reports/").content.decode()
        decide(browser, "dismiss")
        assert set(Report.objects.values_list("state", "resolved_by")) == {
            ("dismissed", curator.pk)
        }
        assert decide(browser, "uphold").status_code == 409
        assert decide(browser, "burn").status_code == 404
        assert Response.objects.filter(withheld_at=None).count() == 2
        assert AuditEvent.objects.get(actor=curator).action == "report.dismiss"
        send(client_of(alice), published.response_a)  # it may be reported again
        assert Report.objects.filter(state=ReportState.OPEN).count() == 1

    def test_who_is_second_is_told_so(self, alice, curator, client_of, published):
        report = report_create(reporter=alice, response=published.response_a, reason="spam")
        decide(client_of(curator), "dismiss", report)
        assert decide(client_of(curator), "restore", report).status_code == 409


class TestCirculation:
    """What was taken out, and what comes back."""

    def test_it_leaves_the_live_export_as_a_removal_and_returns_as_a_new_row(
        self, client, alice, curator, client_of, published
    ):
        browser, before = client_of(curator), cursor(client)
        (row,) = exported(client)
        report_create(reporter=alice, response=published.response_a, reason="illegal")
        decide(browser, "uphold")
        assert exported(client) == []
        for shape in ("consensus", "trl", "votes"):
            assert exported(client, shape=shape) == []
        assert exported(client, since=before) == [{"id": row["id"], "withdrawn": True}]
        gone = cursor(client)
        decide(browser, "restore")
        assert exported(client) == [row]
        assert exported(client, since=gone) == [row]
        assert exported(client, since=before) == [row]
        decide(
            browser,
            "uphold",
            report_create(reporter=alice, response=published.response_a, reason="illegal"),
        )
        for followed in (before, cursor(client)):
            assert exported(client, since=followed) in (
                [{"id": row["id"], "withdrawn": True}],
                [],
            )
        assert exported(client, since=before) == [{"id": row["id"], "withdrawn": True}]
        actions = (
            AuditEvent.objects.filter(actor=curator)
            .order_by("created_at")
            .values_list("action", flat=True)
        )
        assert list(actions) == ["text.withhold", "text.restore", "text.withhold"]

    def test_what_was_not_published_yet_waits(self, client, alice, curator, client_of, settings):
        comparison = make_comparison()
        judge(comparison, make_contributor())
        report_create(reporter=alice, response=comparison.response_b, reason="spam")
        decide(client_of(curator), "uphold")
        settings.PUBLICATION_DELAY_SECONDS = 0
        assert exported(client) == []
        decide(client_of(curator), "restore")
        assert len(exported(client)) == 1

    def test_a_private_judgment_does_not_come_back_with_the_text(
        self, client, alice, curator, client_of, published
    ):
        from feedback.pool.visibility import preference_hide

        preference = published.preferences.get()
        preference_hide(preference=preference, actor=preference.rater.contributor)
        report_create(reporter=alice, response=published.response_a, reason="spam")
        decide(client_of(curator), "uphold")
        decide(client_of(curator), "restore")
        assert exported(client) == []

    def test_it_leaves_tasks(self, alice, curator, client_of, bob):
        comparison = make_comparison()
        campaign, _ = campaign_create(slug="health", overlap=2)

        def taken(person: Contributor):
            return assignment_lease(contributor=person, campaign=campaign)

        report_create(reporter=alice, response=comparison.response_a, reason="unsafe")
        browser = client_of(bob)
        assert comparison.response_a.text in browser.get("/annotate/").content.decode()
        decide(client_of(curator), "uphold")
        assert comparison.response_a.text not in browser.get("/annotate/").content.decode()
        assert taken(alice) is None
        decide(client_of(curator), "restore")
        assert comparison.response_a.text in browser.get("/annotate/").content.decode()
        assert taken(alice)

    @pytest.mark.django_db(transaction=True)
    def test_it_leaves_snapshots(self, alice, curator, client_of, published, settings):
        judge(make_comparison(), make_contributor())

        def preferences() -> int:
            digest = snapshot_write(on_tick=lambda: None)
            snapshot = Snapshot.open(settings.DATA_DIR / "snapshots" / digest)
            return int(snapshot.table("preferences").num_rows)

        assert preferences() == 2
        report_create(
            reporter=alice, response=published.response_a, of_prompt=True, reason="illegal"
        )
        decide(client_of(curator), "uphold")
        assert preferences() == 1
        decide(client_of(curator), "restore")
        assert preferences() == 2
        for comparison in Comparison.objects.all():
            report_create(reporter=alice, response=comparison.response_b, reason="spam")
            decide(client_of(curator), "uphold")
        with pytest.raises(EmptyPoolError):
            preferences()

    def test_a_recorded_prompt_and_its_answers_leave_the_arena(self, alice, curator, client_of):
        turn = two_recorded()
        asked = [{"role": "user", "content": QUESTION}]
        first, second = turn.responses.order_by("id")
        report_create(reporter=alice, response=first, reason="spam")
        decide(client_of(curator), "uphold")
        assert answerable_versions(asked) == [second.version]
        assert question_examples("en") == []  # one answer is no comparison
        report_create(reporter=alice, response=second, of_prompt=True, reason="spam")
        decide(client_of(curator), "uphold")
        assert answerable_versions(asked) == []
        assert recorded_question(asked) is None

    def test_copies_and_what_repeats_it_go_too_and_other_reports_keep_theirs(
        self, alice, curator, client_of
    ):
        comparison = make_comparison()
        answer, turn = comparison.response_a, comparison.turn
        later = Turn.objects.create(
            conversation=turn.conversation,
            position=1,
            messages=[
                *turn.messages,
                {"role": "assistant", "content": answer.text},
                {"role": "user", "content": "And then?"},
            ],
            content_hash=b"later",
        )
        again = make_turn(turn.messages[0]["content"])
        copy = Response.objects.create(
            turn=again,
            version=answer.version,
            text=answer.text,
            text_hash=answer.text_hash,
            source="arena",
        )
        report_create(reporter=alice, response=answer, reason="spam")
        decide(client_of(curator), "uphold")
        withheld = Response.objects.exclude(withheld_at=None)
        assert set(withheld) == {answer, copy}
        assert list(Turn.objects.exclude(withheld_at=None)) == [later]
        about_answer = Report.objects.get()
        report_create(reporter=alice, response=answer, of_prompt=True, reason="personal_data")
        decide(client_of(curator), "uphold")
        assert set(Turn.objects.exclude(withheld_at=None)) == {turn, later, again}
        decide(client_of(curator), "restore", about_answer)
        assert not withheld.all().exists()
        assert set(Turn.objects.exclude(withheld_at=None)) == {turn, later, again}
        comparison.refresh_from_db()
        assert comparison.withheld_at is not None
        decide(client_of(curator), "restore", Report.objects.get(response=None))
        assert not Turn.objects.exclude(withheld_at=None).exists()
        comparison.refresh_from_db()
        assert comparison.withheld_at is None

    def test_what_is_new_on_a_withheld_text_is_withheld_from_the_start(
        self, alice, curator, client_of
    ):
        comparison = make_comparison()
        answer, turn = comparison.response_a, comparison.turn
        report_create(reporter=alice, response=answer, reason="spam")
        decide(client_of(curator), "uphold")
        third = make_response(turn, make_version(), "Another.")
        beside = Comparison.objects.create(turn=turn, response_a=third, response_b=answer)
        free = Comparison.objects.create(
            turn=turn, response_a=third, response_b=comparison.response_b
        )
        said = [*turn.messages, {"role": "assistant", "content": answer.text}]
        asked = [*said, {"role": "user", "content": "And then?"}]
        frame = {"conversation": turn.conversation, "content_hash": b"later"}
        later = Turn.objects.create(position=1, messages=asked, **frame)
        apart = Turn.objects.create(position=2, messages=asked[-1:], **frame)
        heard = Response.objects.create(
            turn=apart, own_messages=asked, text="So.", text_hash=b"so", source="arena"
        )
        new = (beside, free, later, heard)
        for row in new:
            row.refresh_from_db()
        assert [row.withheld_at is None for row in new] == [False, True, False, False]
        decide(client_of(curator), "restore")
        for row in new:
            row.refresh_from_db()
        assert [row.withheld_at for row in new] == [None] * 4

    def test_an_import_of_a_withheld_pair_is_withheld_from_the_start(
        self, tmp_path, alice, curator, client_of
    ):
        import_file(write_rows(tmp_path / "one.jsonl", [vote()]), source="S")
        known = Comparison.objects.get()
        report_create(reporter=alice, response=known.response_a, reason="spam")
        decide(client_of(curator), "uphold")
        rows = [vote(model_b="M9", response_b="Nine.")]
        import_file(write_rows(tmp_path / "two.jsonl", rows), source="S")
        new = Comparison.objects.exclude(pk=known.pk).get()
        assert new.response_a == known.response_a
        assert new.withheld_at is not None

    def test_reactions_are_exported_when_they_are_due_and_in_circulation(
        self, client, alice, curator, client_of, settings
    ):
        comparison = make_comparison()
        reaction_record(response=comparison.response_a, rater=alice.rater, kind="thumb", value="up")
        settings.PUBLICATION_DELAY_SECONDS = 3600
        assert exported(client, shape="unpaired") == []
        settings.PUBLICATION_DELAY_SECONDS = 0
        assert len(exported(client, shape="unpaired")) == 1
        report_create(
            reporter=alice, response=comparison.response_a, of_prompt=True, reason="illegal"
        )
        decide(client_of(curator), "uphold")
        assert exported(client, shape="unpaired") == []
        decide(client_of(curator), "restore")
        assert len(exported(client, shape="unpaired")) == 1


def test_copies_are_found_in_as_many_queries_as_one(alice, curator, client_of):
    browser, version = client_of(curator), make_version()

    def asked_of(copies: int) -> int:
        question = f"Who was first of {copies}?"
        for _ in range(copies):
            answer = make_response(make_turn(question), version, "Me.")
        report_create(reporter=alice, response=answer, reason="spam")
        report_create(reporter=alice, response=answer, of_prompt=True, reason="spam")
        with CaptureQueriesContext(connection) as queries:
            for report in Report.objects.filter(state=ReportState.OPEN).order_by("created_at"):
                decide(browser, "uphold", report)
        return len(queries)

    browser.get("/reports/")
    assert asked_of(6) == asked_of(1)
    assert Response.objects.exclude(withheld_at=None).count() == 7
    assert Turn.objects.exclude(withheld_at=None).count() == 7


def test_the_site_reports_a_flaw_of_a_version_once_until_a_curator_has_decided(olivia, client_of):
    version = make_version("Dizzy")
    first, second = (make_response(make_turn(), version) for _ in range(2))
    flaw_report(response=first, flaw="endless repetition", text="It is. " * 90)
    flaw_report(response=second, flaw="endless repetition", text="So it is. " * 90)
    report = Report.objects.get()
    assert (report.response, report.reporter, report.reason) == (first, None, ReportReason.FLAWED)
    assert len(report.text) < 400
    flaw_report(response=second, flaw="empty answer", text=" ")
    assert sorted(one.text[:12] for one in Report.objects.all()) == ["empty answer", "endless repe"]
    page = client_of(olivia).get(reverse("reports")).content.decode()
    assert page.count("this site") == 2
    case_dismiss(case=case_find(report.pk), actor=olivia)
    flaw_report(response=second, flaw="endless repetition", text="So it is. " * 90)
    assert Report.objects.filter(state=ReportState.OPEN, response=second).count() == 2
