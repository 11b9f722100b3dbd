-- Who may call, beside whoever has the token of the settings. A row that is gone is a token that is
-- revoked: its id is never given again, its name may be.
CREATE TABLE tokens (
    name text PRIMARY KEY,
    id text NOT NULL UNIQUE,                    -- stands in the token itself, and is no secret
    digest bytea NOT NULL,                      -- HMAC-SHA256 of the rest of it, by the token key
    rights text[] NOT NULL,
    templates text[] NOT NULL DEFAULT '{}',     -- globs; none: all, and what belongs to no template
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,                   -- to a minute

    CONSTRAINT known_rights CHECK (
        rights <@ ARRAY['read', 'run', 'stop', 'kill', 'admin'] AND rights <> '{}')
);

-- What digests of tokens are made with, encrypted with CURTAIN_SECRET_KEY like every secret: so
-- another key there renews this one row, and no token has to be made anew.
CREATE TABLE token_key (
    id integer PRIMARY KEY DEFAULT 1,
    sealed bytea NOT NULL,
    CONSTRAINT only_one CHECK (id = 1)
);

-- Sessions of browsers that were signed out before their time; all others are in their cookies.
CREATE TABLE ended_sessions (
    id text PRIMARY KEY,
    until timestamptz NOT NULL                  -- when it would have ended by itself
);
CREATE INDEX ended_sessions_by_end ON ended_sessions (until);

-- Who did what, from where: written in the transaction that does it.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,                       -- such as 'run 12', 'template deploy-web'
    template text,                              -- that it is about, if it is about one
    address text,                               -- of whoever sent the request
    agent text,                                 -- the beginning of what its program calls itself
    before jsonb,                               -- a declaration as it was, without secrets
    after jsonb,                                -- and as it is
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_target ON audit (target, id);
CREATE INDEX audit_by_at ON audit (at, id);
