-- What the image of Postgres runs for docker-compose.yml when it makes the database, as the superuser: the owner of the schema, and
-- the login of submsg serve. The grants come with `submsg migrate up --roles`. It is `submsg roles --owner`, with passwords.
\getenv owner SUBMSG_OWNER_PASSWORD
\getenv serve SUBMSG_SERVE_PASSWORD

CREATE ROLE submsg_owner LOGIN PASSWORD :'owner';
CREATE ROLE submsg_app NOLOGIN;
CREATE ROLE submsg_worker NOLOGIN;
CREATE ROLE submsg_admin NOLOGIN;
CREATE ROLE submsg_readonly NOLOGIN;
CREATE ROLE submsg_serve LOGIN PASSWORD :'serve' IN ROLE submsg_worker;
ALTER SCHEMA public OWNER TO submsg_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
