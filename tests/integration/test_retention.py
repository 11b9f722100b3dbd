"""What is kept for a while only."""

from psycopg.types.json import Jsonb

from runner import retention


def test_a_batch_of_the_oldest_deliveries_goes_and_young_ones_stay(conn, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for days in (200, 91, 100, 89, 0):
        conn.execute(
            """INSERT INTO deliveries (hook, key, decision, why, event, received_at)
               VALUES ('site', %s, 'ignored', 'a test', %s, now() - make_interval(days => %s))""",
            [str(days), Jsonb({}), days],
        )

    left = []
    for _ in range(3):
        retention.forget_old(conn)
        rows = conn.execute("SELECT key FROM deliveries ORDER BY received_at").fetchall()
        left.append([row["key"] for row in rows])

    assert left == [["91", "89", "0"], ["89", "0"], ["89", "0"]]
