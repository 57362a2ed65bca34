-- A template is paused, and goes on, under its id and its name at once: triggers on subMsgPause, for submsg serve and for people.

-- A template's id and its name mean the same: whoever pauses it under one of them, pauses it under the other, too. Who may pause may
-- not write all of the columns that are copied, so this runs with its owner's rights.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgPause_spell() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SUBMSG_SETTINGS AS $$
BEGIN
    IF TG_WHEN = 'BEFORE' THEN
        SELECT ARRAY[t.templateId, t.name] INTO NEW.spellings
        FROM SUBMSG_SCHEMA.subMsgTemplate t WHERE NEW.templateId IN (t.templateId, t.name) ORDER BY t.templateId LIMIT 1;
        RETURN NEW;
    END IF;
    INSERT INTO SUBMSG_SCHEMA.subMsgPause (templateId, reason, errCode, errKind, probeAt, spellings)
    SELECT s, NEW.reason, NEW.errCode, NEW.errKind, NEW.probeAt, NEW.spellings FROM unnest(NEW.spellings) AS s
    WHERE s <> NEW.templateId
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgPause_spell() FROM PUBLIC;

CREATE OR REPLACE TRIGGER subMsgPause_spell BEFORE INSERT ON SUBMSG_SCHEMA.subMsgPause FOR EACH ROW
WHEN (NEW.spellings IS NULL) EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgPause_spell();

CREATE OR REPLACE TRIGGER subMsgPause_spelled AFTER INSERT ON SUBMSG_SCHEMA.subMsgPause FOR EACH ROW
WHEN (NEW.spellings IS NOT NULL) EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgPause_spell();

-- A template that was paused under its id and under its name is one pause. Whoever lifts it under one of them, by hand or by a probe,
-- lifts it under the other, too: nothing may wait under that one, and then nothing would ever end it.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgPause_lift() RETURNS trigger
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
BEGIN
    DELETE FROM SUBMSG_SCHEMA.subMsgPause
    WHERE templateId = ANY (OLD.spellings) AND (probeAt < 'infinity' OR OLD.probeAt = 'infinity'); -- the others are for a person to lift
    RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgPause_lift() FROM PUBLIC;

CREATE OR REPLACE TRIGGER subMsgPause_lift AFTER DELETE ON SUBMSG_SCHEMA.subMsgPause FOR EACH ROW
WHEN (OLD.spellings IS NOT NULL) EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgPause_lift();
