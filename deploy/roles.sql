-- Run once as a superuser: psql -v owner_password=… -v app_password=… -f deploy/roles.sql
-- The owner runs migrations; the application may read and write rows, never change the schema,
-- truncate, or edit what is only ever appended (migrations take those rights away).
CREATE ROLE xfq_owner LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE xfq_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS
    PASSWORD :'app_password';
CREATE DATABASE xfq OWNER xfq_owner TEMPLATE template0 ENCODING 'UTF8';
\connect xfq
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO xfq_owner;
GRANT USAGE ON SCHEMA public TO xfq_app;
