/* Eight kinds of audit events, filled from short lists of made-up values. */
#include "corpus.h"

#include "../say.h"

#define PICK(random, list)                                                     \
	((list)[random_below((random), sizeof(list) / sizeof *(list))])

static const char *const users[] = { "ana", "bo.lindqvist@example.com",
	"jürgen", "张伟", "svc-deploy", "bot-ci-runner", "O'Neill \"Jack\"",
	"maria.garcía@example.org" };
static const char *const logins[] = { "root", "ubuntu", "ec2-user", "deploy" };
static const char *const hosts[] = { "db-01.prod.example.com",
	"web-17.eu-west-1.example.com", "bastion", "k8s-node-3",
	"café-pos-terminal" };
static const char *const commands[] = { "uptime", "ls -la /var/log",
	"grep -E \"error|fail\" /var/log/syslog | tail -n 20",
	"printf '%s\\t%s\\n' \"$USER\" \"$HOME\"",
	"cat <<EOF\nline one\n\tline two\nEOF", "echo 🚀 deployed" };
static const char *const queries[] = {
	"SELECT id, name FROM accounts WHERE email = $1 AND deleted_at IS NULL",
	"UPDATE \"orders\"\n   SET state = 'shipped'\n WHERE id IN (1, 2, 3)",
	"INSERT INTO notes (body) VALUES ('naïve <b>&amp;</b> \\ text')",
	"SELECT count(*) FROM events WHERE payload ->> 'kind' = 'login'"
};
static const char *const verbs[] = { "GET", "LIST", "WATCH", "DELETE",
	"PATCH" };
static const char *const roles[] = { "access", "editor", "auditor", "dba",
	"k8s-admin", "prod-readonly" };

static json_t *
make_uuid(struct random *random)
{
	uint64_t high = random_next(random), low = random_next(random);

	return json_sprintf("%08x-%04x-4%03x-a%03x-%012llx",
	    (unsigned)(high >> 32), (unsigned)(high >> 16) & 0xffff,
	    (unsigned)high & 0xfff, (unsigned)(low >> 48) & 0xfff,
	    (unsigned long long)(low & 0xffffffffffff));
}

static json_t *
make_address(struct random *random)
{
	unsigned host = (unsigned)random_below(random, 254) + 1;
	unsigned port = (unsigned)random_below(random, 60000) + 1024;

	return json_sprintf("203.0.113.%u:%u", host, port);
}

static json_t *
make_roles(struct random *random)
{
	json_t *array = json_array();

	for (uint64_t i = random_below(random, 3) + 1; i > 0; i--)
		json_array_append_new(array, json_string(PICK(random, roles)));
	return array;
}

static json_t *
make_labels(struct random *random)
{
	static const char *const teams[] = { "payments", "platform", "データ" };
	const char *environment = random_below(random, 2) ? "prod" : "staging";
	const char *team = PICK(random, teams);

	json_t *id = make_uuid(random);

	return json_pack("{s:s, s:s, s:s, s:o, s:s}", "env", environment,
	    "team", team, "teleport.dev/origin", "dynamic",
	    "teleport.internal/resource-id", id, "os",
	    "Debian GNU/Linux 12 (bookworm)");
}

/* C leaves open in which order a call's arguments are worked out, so whatever
 * draws from `random` does so in a statement of its own: a seed must give the
 * same events whatever the compiler.
 *
 * What most events have: with a kind's own members they come to 25. */
static json_t *
make_common(struct random *random, const char *cluster)
{
	const char *user = PICK(random, users);
	const char *login = PICK(random, logins);
	const char *host = PICK(random, hosts);
	json_t *server = make_uuid(random);
	json_t *session = make_uuid(random);
	json_t *labels = make_labels(random);
	json_t *local = make_address(random);
	json_t *remote = make_address(random);
	json_t *user_roles = make_roles(random);

	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:i, s:s, s:s, s:o, "
			 "s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:n}",
	    "uid", "", "time", "", "ei", 0, "cluster_name", cluster, "user",
	    user, "login", login, "user_kind", 1, "namespace", "default",
	    "server_hostname", host, "server_id", server, "sid", session,
	    "private_key_policy", "none", "server_labels", labels, "addr.local",
	    local, "addr.remote", remote, "expires", "0001-01-01T00:00:00Z",
	    "user_roles", user_roles, "impersonator");
}

static json_t *
make_session_start(struct random *random)
{
	const char *command = PICK(random, commands);
	const char *login = PICK(random, logins);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[sss], s:{s:[ss], s:n}}",
	    "event", "session.start", "code", "T2000I", "size", "120:40",
	    "proto", "ssh", "session_recording", "node", "initial_command",
	    "/bin/bash", "-c", command, "user_traits", "logins", "root", login,
	    "aws_role_arns");
}

static json_t *
make_session_end(struct random *random)
{
	int is_enhanced = (int)random_below(random, 2);
	const char *first = PICK(random, users);
	const char *second = PICK(random, users);

	return json_pack("{s:s, s:s, s:b, s:b, s:[ss], s:s, s:s}", "event",
	    "session.end", "code", "T2004I", "interactive", 1,
	    "enhanced_recording", is_enhanced, "participants", first, second,
	    "session_start", "2026-11-01T08:15:42.660230257Z", "session_stop",
	    "2026-11-01T08:47:05.193252488Z");
}

static json_t *
make_login(struct random *random)
{
	json_t *device = make_uuid(random);
	const char *login = PICK(random, logins);

	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:{s:s, s:s, s:o}, "
			 "s:{s:[s], s:n}}",
	    "event", "user.login", "code", "T1000I", "method", "local",
	    "success", 1, "user_agent",
	    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
	    "Gecko) Chrome/130.0.0.0 Safari/537.36",
	    "mfa_device", "mfa_device_name", "téléphone", "mfa_device_type",
	    "WebAuthn", "mfa_device_uuid", device, "user_traits", "logins",
	    login, "db_users");
}

static json_t *
make_certificate(struct random *random)
{
	const char *user = PICK(random, users);
	json_t *user_roles = make_roles(random);
	const char *login = PICK(random, logins);
	json_t *identity =
	    json_pack("{s:s, s:o, s:[ss], s:s, s:s, s:{s:[s], s:n}, s:s}",
		"user", user, "roles", user_roles, "logins", "root",
		"-teleport-internal-join", "expires", "2026-11-02T20:15:42Z",
		"teleport_cluster", "example.com", "traits", "logins", login,
		"kubernetes_groups", "client_ip", "203.0.113.9");

	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s}", "event",
	    "cert.create", "code", "TC000I", "cert_type", "user", "identity",
	    identity, "user_agent", "tsh/17.4.2 grpc-go/1.70.0", "client_ip",
	    "203.0.113.9", "public_key_type", "ecdsa");
}

static json_t *
make_exec(struct random *random)
{
	const char *command = PICK(random, commands);
	int is_forwarded = (int)random_below(random, 2);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[s], s:s?}", "event",
	    "exec", "code", "T3002I", "command", command, "exitCode", "0",
	    "proto", "ssh", "access_requests",
	    "0192f1d0-0000-4000-8000-000000000001", "forwarded_by",
	    is_forwarded ? "bastion" : NULL);
}

static json_t *
make_query(struct random *random)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[s,n,s]}", "event",
	    "db.session.query", "code", "TDB02I", "db_protocol", "postgres",
	    "db_service", "orders-primary", "db_uri",
	    "orders.cluster-abc.eu-west-1.rds.example.com:5432", "db_query",
	    PICK(random, queries), "db_query_parameters", "42", "€ 7");
}

static json_t *
make_kube_request(struct random *random)
{
	const char *verb = PICK(random, verbs);
	int code = random_below(random, 8) ? 200 : 403;

	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:[ss], s:{s:s, s:s, s:n}}",
	    "event", "kube.request", "code", "T3009I", "verb", verb,
	    "request_path",
	    "/api/v1/namespaces/payments/pods/api-7f9c?watch=1&limit=500",
	    "response_code", code, "kubernetes_groups", "system:masters",
	    "viewers", "kubernetes_labels", "region", "eu-west-1", "owner",
	    "équipe <core>", "cost_center");
}

static json_t *
make_app_session(struct random *random)
{
	int port = 8080 + (int)random_below(random, 10);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, "
			 "s:[{s:s, s:i}, {s:s, s:i}]}",
	    "event", "app.session.start", "code", "T2007I", "app_name",
	    "grafana", "app_uri", "http://127.0.0.1:3000", "public_addr",
	    "grafana.example.com", "app_labels", "env", "prod", "note",
	    "tabs\tand\\slashes/", "required_apps", "name", "login", "port",
	    port, "name", "api", "port", 8443);
}

json_t *
corpus_event(struct random *random, const char *cluster)
{
	static json_t *(*const makers[])(struct random *) = {
		make_session_start,
		make_session_end,
		make_login,
		make_certificate,
		make_exec,
		make_query,
		make_kube_request,
		make_app_session,
	};
	json_t *event = make_common(random, cluster);
	json_t *own = PICK(random, makers)(random);

	if (!event || !own)
		die(EXIT_OS, "corpus: out of memory");
	if (random_below(random, 4) == 0)
		json_object_set_new(own, "elapsed_ms",
		    json_real(
			(double)random_below(random, 100000) / 1000 + 1. / 3));
	json_object_update(event, own);
	json_decref(own);
	return event;
}
