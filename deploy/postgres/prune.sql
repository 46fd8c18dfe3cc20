-- Keeps what Pulumi stores in PostgreSQL from growing: of each stack the newest 50 updates stay, as the watcher keeps
-- them in a directory. Run it as the user of PULUMI_BACKEND_URL, once: psql "$PULUMI_BACKEND_URL" -f prune.sql
-- It may be run before Pulumi has made its table, and again.

CREATE TABLE IF NOT EXISTS pulumi_state ( -- as Pulumi makes it
    key TEXT PRIMARY KEY,
    data JSON NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()
);

CREATE OR REPLACE FUNCTION pulumi_state_prune() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    folder TEXT := regexp_replace(NEW.key, '[^/]*$', '');
    kept INTEGER := CASE WHEN folder ~ '/backups/' THEN 50 ELSE 100 END; -- two rows for an update in the history
BEGIN
    -- The names hold the time of the update in nanoseconds.
    DELETE FROM pulumi_state WHERE key IN (
        SELECT key FROM pulumi_state WHERE starts_with(key, folder) ORDER BY key DESC OFFSET kept
    );
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER pulumi_state_prune AFTER INSERT ON pulumi_state FOR EACH ROW
    WHEN (NEW.key ~ '(^|/)\.pulumi/(history|backups)/')
    EXECUTE FUNCTION pulumi_state_prune();
