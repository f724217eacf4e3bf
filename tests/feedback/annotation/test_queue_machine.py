"""Whatever people do in whatever order, the queue does what its rules in plain Python say."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Count, Q
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from feedback.annotation.answers import Answer
from feedback.annotation.services import (
    assignment_lease,
    assignment_renew,
    assignment_revise,
    assignment_skip,
    assignment_submit,
    assignment_take_again,
    may_undo,
    task_hold_more,
)
from feedback.annotation.tasks import expire_leases
from feedback.campaigns.models import Assignment, Campaign, CampaignState, SkipReason, Task
from feedback.campaigns.selectors import CampaignProgress, campaign_progress
from feedback.campaigns.services import campaign_edit, campaign_set_state
from feedback.errors import ConflictError
from feedback.pool.choices import DISPLAYED_CHOICES
from feedback.pool.models import Preference
from feedback.pool.moderation.circulation import Texts, texts_restore, texts_with, texts_withhold
from feedback.publication.services import judgment_withdraw
from tests.feedback.annotation.queue_model import LEASE, UNDO, Hold, Judged, QueueModel, Wanted
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version

PEOPLE_AT_MOST = 5
CAMPAIGNS = {"first": range(4), "second": range(2, 6)}  # and which comparisons; two are in both
PAST = """
ALTER TABLE feedback_preference DISABLE TRIGGER named_changes_only;
UPDATE feedback_preference SET judged_at = judged_at - %(by)s * interval '1 second';
ALTER TABLE feedback_preference ENABLE TRIGGER named_changes_only;
UPDATE feedback_assignment SET expires_at = expires_at - %(by)s * interval '1 second';
UPDATE feedback_place SET began_at = began_at - %(by)s * interval '1 second',
                          empty_at = empty_at - %(by)s * interval '1 second';
"""

choices = st.sampled_from(DISPLAYED_CHOICES)
wheres = st.sampled_from([None, *CAMPAIGNS])
comparisons = st.integers(0, 5)
overlaps = st.integers(1, 3)
people = st.integers(0, PEOPLE_AT_MOST - 1)
states = st.sampled_from([CampaignState.OPEN] * 3 + [CampaignState.PAUSED, CampaignState.CLOSED])
someone_came = precondition(lambda self: self.model.holds)


@dataclass(frozen=True)
class Lease:
    """What a client keeps of a task it was given."""

    person: Any
    task: Any
    token: str


@dataclass(frozen=True)
class Sent:
    """What a client sent, and the receipt it got."""

    write: Any
    lease: Lease
    choice: str
    key: str
    receipt: str


class Queue(RuleBasedStateMachine):
    """People, leases and judgments of two campaigns, beside the model of them."""

    leases = Bundle("leases")
    sent = Bundle("sent")

    def __init__(self):
        super().__init__()
        self.model = QueueModel()
        self.keys = 0
        self.people = [make_contributor(), make_contributor()]
        versions = {"version_a": make_version(), "version_b": make_version()}
        self.comparisons = [make_comparison(**versions) for _ in range(6)]
        self.campaigns = {}

    @initialize(overlaps=st.tuples(overlaps, overlaps))
    def two_campaigns_open(self, overlaps):
        for (name, which), overlap in zip(CAMPAIGNS.items(), overlaps, strict=True):
            slug = f"{name}-{Campaign.objects.count()}"
            campaign = Campaign.objects.create(slug=slug, name=name, overlap=overlap, gold_share=0)
            self.campaigns[name] = campaign
            self.model.overlaps[name], self.model.states[name] = overlap, "open"
            for place in which:
                one = self.comparisons[place]
                task = Task.objects.create(
                    campaign=campaign, comparison=one, wanted=overlap, shuffle_key=place
                )
                self.model.tasks[task.id] = Wanted(name, one.id, overlap)

    def teardown(self):
        """Sum up; and close, since a later example asks all campaigns that are open."""
        for name, campaign in self.campaigns.items():
            of = {task for task, wanted in self.model.tasks.items() if wanted.campaign == name}
            judged = sum(self.model.count(task, "submitted") for task in of)
            left = sum(self.model.tasks[task].wanted for task in of) - judged
            assert campaign_progress(campaign) == CampaignProgress(
                tasks=len(of), judged=judged, left=left
            )
        Campaign.objects.update(state=CampaignState.CLOSED)

    # --- taking ---------------------------------------------------------------------------------

    @rule(target=leases, person=people, where=wheres)
    def asks_for_the_next(self, person, where):
        person = self.person(person)
        self.model.come_back(person)
        waiting = self.model.waiting(person, self.among(where))
        got = assignment_lease(contributor=person, campaign=self.campaigns.get(where))
        if not waiting:
            return self.takes(person, where, got)
        assert got.token == waiting[0].token
        return Lease(person, got.task_id, got.token)

    @rule(target=sent, person=people, where=wheres, choice=choices)
    def judges_the_next(self, person, where, choice):
        lease = self.asks_for_the_next(person, where)
        return self.judges(lease, choice) if isinstance(lease, Lease) else multiple()

    @rule(target=leases, person=people, where=wheres, times=st.integers(1, 4), page=st.booleans())
    def prefetches(self, person, where, times, page):
        person, prefetch = self.person(person), self.page_prefetch if page else self.api_prefetch
        self.model.come_back(person)
        leases = [self.takes(person, where, prefetch(person, where)) for _ in range(times)]
        return multiple(*(lease for lease in leases if isinstance(lease, Lease)))

    def page_prefetch(self, person, where):
        besides = [hold.token for hold in self.model.waiting(person, self.among(where))]
        campaign = self.campaigns.get(where)
        return assignment_lease(contributor=person, campaign=campaign, besides=besides)

    def api_prefetch(self, person, where):
        taken = task_hold_more(contributor=person, campaign=self.campaigns.get(where))
        return Assignment.objects.get(pk=taken) if taken else None

    @rule(target=leases, lease=leases)
    def takes_again(self, lease):
        self.model.come_back(lease.person)
        where, hold = self.model.tasks[lease.task].campaign, self.hold(lease)
        got = assignment_take_again(contributor=lease.person, token=lease.token)
        if hold in self.model.waiting(lease.person, [where]):
            assert got.token == hold.token
        elif lease.task in self.model.free(lease.person, [where]):
            assert got.task_id == lease.task
            return self.takes(lease.person, where, got)
        else:
            assert got is None
        return multiple()

    def takes(self, person, where, got):
        """A new lease of something that was free; none only where nothing was."""
        free = self.model.free(person, self.among(where))
        if got is None:
            assert not free
            return multiple()
        assert got.task_id in free
        self.model.take(person, got.task_id, got.token, got.order_shown)
        return Lease(person, got.task_id, got.token)

    # --- answering ------------------------------------------------------------------------------

    @rule(target=sent, lease=leases, choice=choices)
    def judges(self, lease, choice):
        comparison = self.model.tasks[lease.task].comparison
        code = self.refusal(lease)
        if code is None and self.model.active(lease.person, comparison):
            self.hold(lease).state, self.hold(lease).reason = "skipped", "other"
            code = "already_judged"
        if receipt := self.send(code, assignment_submit, lease, choice):
            self.hold(lease).state = "submitted"
            return receipt
        return multiple()

    @rule(target=sent, before=sent, choice=choices)
    def changes_the_mind(self, before, choice):
        lease = before.lease
        previous = self.active(lease)
        if previous:
            preference = Preference.objects.get(public_id=previous)
            assert may_undo(preference) == (self.model.age(previous) < UNDO)
        may = previous and self.model.age(previous) < UNDO + LEASE
        code = None if may else "undo_over"
        if may:
            self.model.leave(previous, "superseded")
        return self.send(code, assignment_revise, lease, choice) or multiple()

    @rule(before=sent)
    def sends_the_same_again(self, before):
        receipt, created = self.write(None, before.write, before.lease, before.choice, before.key)
        assert (receipt.public_id, created) == (before.receipt, False)

    @rule(before=sent, choice=choices)
    def sends_something_else_under_the_same_key(self, before, choice):
        if choice != before.choice:
            code = "idempotency_conflict"
            self.write(code, assignment_submit, before.lease, choice, before.key)

    @rule(before=sent, lease=leases)
    def sends_an_old_key_for_another_task(self, before, lease):
        if lease.person == before.lease.person and lease.task != before.lease.task:
            lost = lease.token != self.hold(lease).token
            code = "lease_lost" if lost else "idempotency_conflict"
            self.write(code, assignment_submit, lease, before.choice, before.key)

    @rule(lease=leases, reason=st.sampled_from(SkipReason.values))
    def skips(self, lease, reason):
        hold = self.hold(lease)
        again = hold.token == lease.token and hold.state == "skipped"
        code = None if again else self.refusal(lease)
        self.call(code, assignment_skip, lease, reason=reason)
        if not again and code is None:
            hold.state, hold.reason = "skipped", reason

    @rule(lease=leases)
    def renews(self, lease):
        code = self.refusal(lease)
        self.call(code, assignment_renew, lease)
        if code is None:
            self.hold(lease).ends = self.model.now + LEASE

    @rule(before=sent)
    def withdraws(self, before):
        judgment_withdraw(public_id=before.receipt, actor=before.lease.person)
        self.model.leave(before.receipt, "withdrawn")

    @someone_came
    @rule(person=people, place=comparisons, choice=st.sampled_from(["a", "b", "tie", "both_bad"]))
    def judges_elsewhere(self, person, place, choice):
        person, comparison = self.person(person), self.comparisons[place]
        if self.model.active(person, comparison.id):
            with pytest.raises(ConflictError):
                judge(comparison, person, choice)
        else:
            judged = Judged(person, comparison.id, choice)
            self.model.judge(judge(comparison, person, choice).public_id, judged)

    # --- what happens around them ---------------------------------------------------------------

    @someone_came
    @precondition(lambda self: len(self.people) < PEOPLE_AT_MOST)
    @rule()
    def a_person_comes(self):
        self.people.append(make_contributor())

    @someone_came
    @rule(by=st.sampled_from([UNDO // 2, UNDO // 2, LEASE // 2, LEASE]), ends=st.booleans())
    def time_passes(self, by, ends):
        """What happened moves into the past; sums of these stay half a minute off every limit."""
        with connection.cursor() as cursor:
            cursor.execute(PAST, {"by": by})
        self.model.passed += by
        if ends:
            expire_leases()
            self.model.end_leases()

    @someone_came
    @rule(place=comparisons)
    def a_comparison_is_withheld_or_put_back(self, place):
        comparison = self.comparisons[place]
        texts = texts_with(response=comparison.response_a)
        with transaction.atomic():
            if comparison.id in self.model.withheld:
                texts_restore(texts, except_for=Texts())
            else:
                texts_withhold(texts)
        self.model.withheld ^= {comparison.id}

    @someone_came
    @rule(where=st.sampled_from(list(CAMPAIGNS)), state=states, overlap=overlaps)
    def a_campaign_is_paused_opened_closed_or_changed(self, where, state, overlap):
        operator, campaign = self.people[0], self.campaigns[where]
        if self.model.states[where] == CampaignState.CLOSED:
            with pytest.raises(ConflictError):
                campaign_set_state(campaign=campaign, state=state, actor=operator)
            return
        campaign_edit(campaign=campaign, actor=operator, overlap=overlap)
        campaign_set_state(campaign=campaign, state=state, actor=operator)
        campaign.refresh_from_db()
        self.model.set_overlap(where, overlap)
        self.model.states[where] = state

    # --- what always holds ----------------------------------------------------------------------

    @invariant()
    def counters_are_what_is_counted_anew_and_within_the_overlap(self):
        alive, answered = (
            Count("assignments", filter=Q(assignments__state=state))
            for state in ("live", "submitted")
        )
        tasks = Task.objects.filter(id__in=self.model.tasks)
        found = {}
        for task in tasks.annotate(alive=alive, answered=answered):
            assert task.taken == task.alive + task.answered <= task.wanted
            assert task.submitted == task.answered
            found[task.id] = (task.wanted, task.taken, task.submitted)
        count = self.model.count
        assert found == {
            task: (of.wanted, count(task, "live", "submitted"), count(task, "submitted"))
            for task, of in self.model.tasks.items()
        }

    @invariant()
    def each_hold_ended_as_in_the_model_and_nobody_met_a_comparison_twice(self):
        found, met = {}, []
        for one in Assignment.objects.filter(task__in=self.model.tasks):
            found[one.contributor_id, one.task_id] = (one.state, one.skip_reason, one.token)
            if one.state != "expired":
                met.append((one.contributor_id, self.model.tasks[one.task_id].comparison))
        assert len(met) == len(set(met))
        assert found == {
            (person.id, task): (hold.state, hold.reason, hold.token)
            for (person, task), hold in self.model.holds.items()
        }

    @invariant()
    def every_receipt_is_in_the_pool_once_and_nothing_else(self):
        fields = ("public_id", "rater__contributor", "comparison", "choice", "state")
        of_ours = Preference.objects.filter(comparison__in=self.comparisons)
        assert sorted(of_ours.values_list(*fields)) == sorted(
            (name, one.person.id, one.comparison, one.choice, one.state)
            for name, one in self.model.judged.items()
        )

    # --- helpers --------------------------------------------------------------------------------

    def among(self, where):
        """The campaigns that a call may choose from: the one that was named, or all."""
        return [where] if where else list(CAMPAIGNS)

    def person(self, number):
        return self.people[number % len(self.people)]

    def hold(self, lease) -> Hold:
        return self.model.holds[lease.person, lease.task]

    def refusal(self, lease):
        return self.model.refusal(self.hold(lease), lease.token)

    def active(self, lease):
        """The judgment of this very lease that counts."""
        name = self.model.active(lease.person, self.model.tasks[lease.task].comparison)
        return name if name and self.model.judged[name].token == lease.token else None

    def call(self, code, service, lease, **values):
        """What a service gives; or None where it must refuse, with this code."""
        if code is None:
            return service(contributor=lease.person, token=lease.token, **values)
        with pytest.raises(ConflictError) as refused:
            service(contributor=lease.person, token=lease.token, **values)
        assert refused.value.code == code
        return None

    def write(self, code, service, lease, choice, key):
        return self.call(code, service, lease, answer=Answer(choice=choice), idempotency_key=key)

    def send(self, code, service, lease, choice):
        """A judgment under a new key: the receipt; or None where it must be refused."""
        self.keys += 1
        key = f"key-{self.keys}"
        got = self.write(code, service, lease, choice, key)
        if got is None:
            return None
        preference, created = got
        assert created
        order = self.hold(lease).order
        stored = {"1": order[0], "2": order[1]}.get(choice, choice)
        comparison = self.model.tasks[lease.task].comparison
        judged = Judged(lease.person, comparison, stored, lease.token)
        self.model.judge(preference.public_id, judged)
        return Sent(service, lease, choice, key, preference.public_id)


@pytest.mark.django_db(transaction=True)
def test_the_queue_does_what_its_rules_say():
    run_state_machine_as_test(
        Queue,
        settings=settings(
            derandomize=True,
            deadline=None,
            max_examples=20,
            stateful_step_count=60,
            phases=[Phase.generate, Phase.shrink],
        ),
    )
