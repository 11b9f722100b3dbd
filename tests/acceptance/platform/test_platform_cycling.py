"""Once a day a platform restarts each process, while runs come and are stopped."""

from collections import Counter

import pytest

from runner.run import RunState

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def cycle(platform):
    """Restarts a process as a platform does: SIGTERM, and the next one when that has ended."""

    def restart(name, **settings):
        assert platform.stop(name) == {name: 0}
        platform.start(name, **settings)

    return restart


def test_every_run_tells_the_truth_of_what_its_playbook_did(platform, service, cycle):
    for name in ("web.1", "web.2", "runner.1", "runner.2"):
        platform.start(name)
    webs = [platform.await_web(name) for name in ("web.1", "web.2")]
    service.declare(webs[0])
    stopped, sent = [], []

    def some_runs(visitor):
        """One ends by itself, one is to be stopped, one is left to its fate."""
        brief, asked, other = [service.trigger(visitor, seconds=each) for each in (0, 300, 300)]
        sent.extend((brief, asked, other))
        service.await_playing(asked)
        assert service.stop(visitor, asked).status == 202
        stopped.append(asked)

    for name in ("web.1", "runner.1", "web.2", "runner.2"):
        some_runs(webs[1] if name == "web.1" else webs[0])
        cycle(name)
        if name.startswith("web"):
            webs = [platform.await_web(each) for each in ("web.1", "web.2")]
    for run in sent[2::3]:
        assert service.stop(webs[0], run).status in (202, 409)
    for run in sent:
        service.await_end(run, timeout=120)

    ledger = Counter(platform.ledger())
    assert set(ledger.values()) == {1}
    for run in sent:
        final = service.await_end(run)
        has_done = f"{run.id} done" in ledger
        # The platform's signal may come between a playbook's last line and its end.
        ends = (RunState.SUCCEEDED if has_done else RunState.STOPPED, RunState.INTERRUPTED)
        assert final.state in ends, final.message
    assert {service.find(run).state for run in stopped} == {RunState.STOPPED}
