/*
 * One connection: requests in turn, each to what serves its path.
 */
#include "service.h"

#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "codes.h"
#include "collect.h"
#include "exchange.h"
#include "server.h"

enum {
	BODY_KEPT_MAX = 64 * 1024 * 1024, /* of memory, between requests */
	POLL_BYTES_MAX = 64 * 1024 * 1024,
};

enum route {
	ROUTE_EVENT,
	ROUTE_RAW,
	ROUTE_ACK,
	ROUTE_HEALTH,
	ROUTE_STATS,
	ROUTE_RESTART,
	ROUTE_UNKNOWN,
};

static enum route
find_route(const char *path)
{
	static const struct {
		const char *path;
		enum route route;
	} routes[] = {
		{ "/services/collector", ROUTE_EVENT },
		{ "/services/collector/event", ROUTE_EVENT },
		{ "/services/collector/event/1.0", ROUTE_EVENT },
		{ "/services/collector/raw", ROUTE_RAW },
		{ "/services/collector/raw/1.0", ROUTE_RAW },
		{ "/services/collector/ack", ROUTE_ACK },
		{ "/services/collector/health", ROUTE_HEALTH },
		{ "/services/collector/health/1.0", ROUTE_HEALTH },
		{ "/standin/stats", ROUTE_STATS },
		{ "/standin/restart", ROUTE_RESTART },
	};

	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
		if (strcmp(routes[i].path, path) == 0)
			return routes[i].route;
	return ROUTE_UNKNOWN;
}

static bool
is_method(const struct exchange *exchange, const char *method)
{
	return strcmp(exchange->request.method, method) == 0;
}

static bool
allows_method(const struct exchange *exchange, enum route route)
{
	bool gets = is_method(exchange, "GET");
	bool posts = is_method(exchange, "POST");

	switch (route) {
	case ROUTE_EVENT:
	case ROUTE_RAW:
	case ROUTE_RESTART:
		return posts;
	case ROUTE_ACK:
		return posts || gets; /* the reference says GET with a body */
	case ROUTE_HEALTH:
		return gets || is_method(exchange, "HEAD");
	case ROUTE_STATS:
		return gets;
	default:
		return true;
	}
}

/* --- acknowledgements, health --------------------------------------------- */

static json_t *
read_ids(struct exchange *exchange)
{
	struct body body;
	json_t *query = NULL;

	body_begin(&body, exchange->http, &exchange->request, false);
	body.max_bytes = POLL_BYTES_MAX;
	exchange->body->len = 0;
	bytes_reserve(exchange->body, 1);
	if (body_read_whole(&body, exchange->body) == 0)
		query = json_loadb(exchange->body->data, exchange->body->len, 0,
		    NULL);
	else
		exchange->closes = true;
	exchange->outcome.unpacked = body.unpacked;
	body_end(&body);
	return query;
}

static int
check_poll(struct exchange *exchange, char guid[CHANNEL_LEN + 1])
{
	int code = tokens_check(exchange->standin->options->tokens,
	    &exchange->request, &exchange->token);

	if (code == HEC_SUCCESS && !exchange->token->uses_ack)
		code = HEC_ACK_DISABLED;
	return code == HEC_SUCCESS ? collect_channel(exchange, guid) : code;
}

/* The kinds of fault that a poll or a health check can have; true: answered. */
static bool
answers_with_fault(struct exchange *exchange)
{
	const struct plan *plan = &exchange->plan;

	switch (plan->kind) {
	case FAULT_STATUS:
		exchange_reply(exchange,
		    &(struct reply){ .status = plan->status,
			.code = plan->code,
			.text = plan->text,
			.number = -1,
			.ack_id = -1 });
		return true;
	case FAULT_HTML:
		exchange_html(exchange, plan->status);
		return true;
	case FAULT_EMPTY:
		exchange_empty(exchange, "");
		return true;
	case FAULT_REDIRECT:
		exchange_redirect(exchange);
		return true;
	case FAULT_RESTART:
		acks_restart(exchange->standin->acks, plan->indexer);
		return false;
	case FAULT_REFUSE:
		server_refuse(exchange->standin->server, plan->ms);
		exchange->closes = true;
		return false;
	default:
		return exchange_breaks(exchange, FAULT_BEFORE);
	}
}

static bool
strikes(struct exchange *exchange, enum fault_path path)
{
	faults_plan(exchange->standin->faults, path,
	    exchange->request.body_left, &exchange->plan);
	if (exchange->plan.name[0] != '\0')
		exchange->outcome.fault = exchange->plan.name;
	return answers_with_fault(exchange);
}

static void
serve_ack(struct exchange *exchange)
{
	struct acks *acks = exchange->standin->acks;
	char guid[CHANNEL_LEN + 1];
	size_t confirmed = 0;
	json_t *query, *states;
	bool told = false;
	int code;

	if (strikes(exchange, PATH_ACK))
		return;
	code = check_poll(exchange, guid);
	if (code != HEC_SUCCESS) {
		exchange_code(exchange, code);
		return;
	}
	query = read_ids(exchange);
	states = acks_poll(acks, exchange->indexer, guid,
	    json_object_get(query, "acks"), &confirmed);
	json_decref(query);
	if (states == NULL)
		exchange_code(exchange, exchange->body->len == 0
					    ? HEC_NO_DATA
					    : HEC_INVALID_FORMAT);
	else if (exchange_breaks(exchange, FAULT_AFTER))
		json_decref(states);
	else
		told =
		    exchange_json(exchange, json_pack("{s:o}", "acks", states));
	acks_note_reply(acks, confirmed, told);
}

static void
serve_restart(struct exchange *exchange)
{
	char *indexer = http_parameter(&exchange->request, "indexer");

	acks_restart(exchange->standin->acks, indexer ? atoi(indexer) : -1);
	free(indexer);
	exchange_code(exchange, HEC_SUCCESS);
}

/* --- routes --------------------------------------------------------------- */

static void
serve_route(struct exchange *exchange, enum route route)
{
	switch (route) {
	case ROUTE_EVENT:
		collect(exchange, PATH_EVENT);
		break;
	case ROUTE_RAW:
		collect(exchange, PATH_RAW);
		break;
	case ROUTE_ACK:
		serve_ack(exchange);
		break;
	case ROUTE_HEALTH:
		if (!strikes(exchange, PATH_HEALTH))
			exchange_code(exchange, HEC_HEALTHY);
		break;
	case ROUTE_STATS:
		exchange_json(exchange, standin_stats(exchange->standin));
		break;
	case ROUTE_RESTART:
		serve_restart(exchange);
		break;
	case ROUTE_UNKNOWN:
		exchange_plain(exchange, 404, 404);
		break;
	}
}

static void
serve_request(struct exchange *exchange)
{
	static const char *const names[] = { "event", "raw", "ack", "health",
		"standin", "standin", "other" };
	enum route route = find_route(exchange->request.path);

	exchange->outcome.route = names[route];
	if (is_method(exchange, "OPTIONS") && route <= ROUTE_HEALTH)
		exchange_empty(exchange, route == ROUTE_HEALTH
					     ? "Allow: GET,HEAD,OPTIONS\r\n"
					     : "Allow: POST,OPTIONS\r\n");
	else if (!allows_method(exchange, route))
		exchange_plain(exchange, 405, 404);
	else
		serve_route(exchange, route);
}

/* The indexer that the balancer's cookie names, or the next in turn. */
static int
choose_indexer(struct exchange *exchange)
{
	const char *cookies = http_header(&exchange->request, "Cookie");
	const char *cookie = cookies ? strstr(cookies, "AWSALB=i") : NULL;
	unsigned indexers = (unsigned)exchange->standin->options->acks.indexers;

	if (cookie != NULL) {
		unsigned long named = strtoul(cookie + 8, NULL, 10);
		if (named < indexers)
			return (int)named;
	}
	return (int)(atomic_fetch_add(&exchange->standin->turn, 1) % indexers);
}

static void
serve_one(struct exchange *exchange)
{
	struct standin *standin = exchange->standin;

	exchange->plan = (struct plan){ .retry_after = -1 };
	exchange->outcome = (struct outcome){ .code = -1, .route = "other" };
	exchange->indexer = choose_indexer(exchange);
	stats_request_begin(standin->stats);
	serve_request(exchange);
	exchange->outcome.bytes = exchange->request.body_read;
	stats_request_end(standin->stats, &exchange->outcome);
	if (exchange->body->capacity > BODY_KEPT_MAX)
		bytes_free(exchange->body);
}

void
serve_connection(struct standin *standin, struct transport *transport)
{
	const struct options *options = standin->options;
	struct bytes body = { 0 };
	struct exchange exchange = { .standin = standin,
		.transport = transport,
		.http = http_new(transport),
		.body = &body };
	uint64_t requests = 0;
	enum http_outcome next;

	do {
		next = http_next(exchange.http, options->idle_ms,
		    &exchange.request);
		if (next == HTTP_REQUEST) {
			requests++;
			exchange.closes = options->close_after > 0 &&
					  requests >= options->close_after;
			serve_one(&exchange);
		}
	} while (next == HTTP_REQUEST && !exchange.closes);
	if (next == HTTP_BAD) {
		exchange.closes = true;
		exchange.request =
		    (struct http_request){ .query = "", .body_ended = true };
		exchange_plain(&exchange, 400, 400);
	}
	http_free(exchange.http);
	bytes_free(&body);
}
