CREATE TABLE tenants (tenant text PRIMARY KEY, name text, domain text);
CREATE TABLE users (tenant text REFERENCES tenants, email text, name text, role text, PRIMARY KEY (tenant, email));
CREATE TABLE agents (tenant text PRIMARY KEY REFERENCES tenants, port int UNIQUE, state text);
