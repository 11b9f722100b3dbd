-- Secrets that templates name. Who reads this table without CURTAIN_SECRET_KEY reads no secret.
CREATE TABLE credentials (
    name text PRIMARY KEY,
    kind text NOT NULL,
    vault_id text,                              -- of a vault_password: what ansible tells it by
    shown jsonb NOT NULL,                       -- what is no secret of it, as the API shows it
    sealed bytea NOT NULL,                      -- all of it, encrypted
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,

    CONSTRAINT known_kind CHECK (kind IN (
        'git_https', 'ssh_key', 'become_password', 'vault_password', 'login_password')),
    CONSTRAINT vault_id_iff_vault_password CHECK ((kind = 'vault_password') = (vault_id IS NOT NULL))
);

-- Which template uses which, beside its spec: a credential that is used cannot be deleted, however
-- the PUT of the template and the DELETE fall together.
CREATE TABLE template_credentials (
    template text NOT NULL REFERENCES templates ON DELETE CASCADE,
    credential text NOT NULL REFERENCES credentials ON DELETE RESTRICT,
    PRIMARY KEY (template, credential)
);
CREATE INDEX template_credentials_of_credential ON template_credentials (credential);

-- A final row is never changed again, but a new key may encrypt its secrets anew: they are the same
-- then, which no trigger can see, but neither come nor go.
CREATE OR REPLACE FUNCTION keep_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - '{late_result,secrets}'::text[]
           IS DISTINCT FROM to_jsonb(OLD) - '{late_result,secrets}'::text[]
       OR (NEW.secrets IS NULL) <> (OLD.secrets IS NULL)
       OR (OLD.late_result IS NOT NULL AND NEW.late_result IS DISTINCT FROM OLD.late_result) THEN
        RAISE EXCEPTION 'run % is %: a final row is never changed', OLD.id, OLD.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
