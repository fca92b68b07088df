"""The rows of the past, in SQL that both databases understand.

`n` counts from 0 and gives each number a token and a hash, which `:mark` makes a sitting's own; `saves` holds what
one candidate does.
"""

ITEMS = (
    "INSERT INTO item (bank_id, ref, type, point, unit, difficulty, version, current, state, reviewer, author) "
    "SELECT :bank, 'H' || n.i, item.type, item.point, item.unit, item.difficulty, 1, 1, 'reviewed', '', 'cli' "
    "FROM n JOIN item ON item.id = n.i % :known + 1 WHERE n.i < :many"
)
VERSIONS = (
    "INSERT INTO item_version (item_id, number, replaces, was, content, sha256, actor, created_at) "
    "SELECT item.id, 1, 0, '', v.content, v.sha256, 'cli', :at "
    "FROM item JOIN item_version v ON v.item_id = (item.id - 1) % :known + 1 AND v.number = 1 "
    "WHERE item.bank_id > 1"
)
PLACES = (
    "INSERT INTO room (id, ref, centre_id, name, room_code, plan, door) "
    "SELECT i + 1, 'rm-past' || i, 1, '往年机房 ' || i, 'P' || i, '', '' FROM n WHERE i < :size / :room",
    "INSERT INTO seat (id, room_id, number, spare, undelivered) "
    "SELECT i + 1, i / :room + 1, i % :room + 1, FALSE, 0 FROM n WHERE i < :size",
)
STATEMENTS = (
    "INSERT INTO sitting (id, ref, batch_id, centre_id, name, mode, purpose, state, planned_start_at, "
    "check_in_opens_at, report_at, late_cutoff_at, sign_in_opens_at, sign_in_needs_check_in, leave_allowed) "
    "VALUES (:sitting, 'si-past' || :mark, 1, 1, '往年', 'machine', 'official', 'scored', :at, :at, :at, :at, :at, "
    "TRUE, TRUE)",
    "INSERT INTO sitting_room (id, ref, sitting_id, room_id, state, armed, started_at, started_by, ended_at) "
    "SELECT :first_room + i + 1, 'sr-' || n.token || :mark, :sitting, i + 1, 'scored', FALSE, :at, 'cli', :over "
    "FROM n WHERE i <= (:size - 1) / :room",
    "INSERT INTO candidate (id, ref, name, gender, document_type, document_sealed, document_index, "
    "document_masked, employer, created_at) "
    "SELECT :start + i + 1, 'ca-' || n.token || :mark, '考生' || i, '', 'resident_id', :sealed, "
    "n.hash || :mark, '110***********0011', '', :at FROM n WHERE i < :size",
    "INSERT INTO admission_ticket (id, batch_id, candidate_id, number, reprint_reasons) "
    "SELECT :start + i + 1, 1, :start + i + 1, CAST(900000000000 + :start + i AS VARCHAR), '' "
    "FROM n WHERE i < :size",
    "INSERT INTO registration (id, ref, candidate_id, ticket_id, sitting_id, sitting_room_id, seat_id, "
    "blueprint_version_id, blueprint_ref, paper, kind, factor, extra, accommodation_note, eligibility, note, "
    "arrived_at, checked_in_at, signed_in_at, confirmed_at, pledged_at) "
    "SELECT :start + i + 1, 're-' || n.token || :mark, :start + i + 1, :start + i + 1, :sitting, "
    ":first_room + i / :room + 1, i + 1, :version, :level, :paper, 'first', '1', 0, '', '', '', "
    ":at, :at, :at, :at, :at FROM n WHERE i < :size",
    "INSERT INTO form (id, ref, blueprint_version_id, paper, bank_id, bank_revision, seed, content, sha256, "
    "drawn_at) SELECT :form + i, 'fo-' || n.token || :mark, f.blueprint_version_id, f.paper, f.bank_id, "
    "f.bank_revision, i, f.content, f.sha256, :at "
    "FROM n JOIN form f ON f.id = :drawn + i % :forms WHERE i <= (:size - 1) / :share",
    "INSERT INTO attempt (id, ref, registration_id, sitting_room_id, form_id, layout, state, started_at, "
    "closes_at, earliest_submit_at, grace, has_message, closed_at, closed_by, submitted_at, receipt, "
    "journal_digest, lease_hash, lease_epoch, lease_login_id, lease_machine, lease_machines) "
    "SELECT :start + i + 1, 'at-' || n.token || :mark, :start + i + 1, :first_room + i / :room + 1, "
    ":form + i / :share, :layout, 'scored', :at, :over, :at, 3000000, FALSE, :handed_in, 'candidate', "
    ":handed_in, n.token, n.hash || :mark, n.hash || :mark, 1, :start + i + 1, n.hash || :mark, '' "
    "FROM n WHERE i < :size",
    "INSERT INTO journal (attempt_id, lease_epoch, seq, position, kind, value, received_at, in_grace) "
    "SELECT :start + n.i + 1, 1, saves.seq, saves.position, 'answer', saves.value, saves.received_at, FALSE "
    "FROM n CROSS JOIN saves WHERE n.i < :size",
    "INSERT INTO attempt_live (attempt_id, seen_at, saved_at, answered, answered_map, usable_at, blurs) "
    "SELECT :start + i + 1, :handed_in, :handed_in, :positions, :answered, :at, 0 FROM n WHERE i < :size",
    "INSERT INTO gap (attempt_id, from_at, to_at, usable, resent) "
    "SELECT :start + i + 1, :at, :silent, TRUE, 1 FROM n WHERE i < :size AND i % 10 = 0",
    "INSERT INTO score (attempt_id, number, key_revision, journal_digest, raw, score, passed, sheet, sha256, "
    "scored_at) SELECT :start + i + 1, 1, 0, n.hash || :mark, '70', '70', TRUE, '{}', n.hash || :mark, :over "
    "FROM n WHERE i < :size",
    "INSERT INTO login_session (kind, subject_ref, token_hash, machine, created_at, expires_at) "
    "SELECT 'candidate', r.ref, n.hash || :mark, n.hash || :mark, :at, :signed_out "
    "FROM n JOIN registration r ON r.id = :start + i + 1 WHERE i < :size",
    "INSERT INTO audit_entry (id, at, actor, act, subject, reason, before, after, prev_hash, hash) "
    "SELECT (SELECT last_id FROM audit_head) + n.i * :lines + line.i + 1, :at, 'scheduler', "
    "CASE line.i WHEN 0 THEN 'attempt.open' WHEN 1 THEN 'attempt.close' ELSE 'attempt.score' END, "
    "'attempt:' || a.ref, '', '', '{\"digest\":\"' || a.journal_digest || '\"}', n.hash || :mark, n.hash || :mark "
    "FROM n CROSS JOIN (SELECT i FROM n WHERE i < :lines) line JOIN attempt a ON a.id = :start + n.i + 1 "
    "WHERE n.i < :size",
    "UPDATE audit_head SET last_id = last_id + :size * :lines",
)
"""One sitting, table by table."""
