-- An event and its deliveries, written by a hot function in its own transaction; the relay finds
-- them (core/outbox/services.py). p_consumers is a list of names. Ages are real time.
CREATE OR REPLACE FUNCTION outbox_publish(
    p_event uuid, p_topic text, p_type text, p_id text, p_at timestamptz, p_payload jsonb,
    p_consumers jsonb
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_id bigint;
BEGIN
    INSERT INTO core_outboxevent (event_id, topic, aggregate_type, aggregate_id, payload, at,
        recorded_at)
    VALUES (p_event, p_topic, p_type, p_id, p_payload, p_at, clock_timestamp())
    RETURNING id INTO v_id;
    INSERT INTO core_delivery (event_id, consumer, state, attempts, run_at, last_error)
    SELECT v_id, name, 'PENDING', 0, clock_timestamp(), ''
      FROM jsonb_array_elements_text(p_consumers) AS name;
END
$$;
