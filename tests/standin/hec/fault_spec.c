/*
 * One fault as it is written.
 */
#include "fault_spec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"

static const struct {
	const char *name;
	enum fault_kind kind;
	int status;
} kinds[] = {
	{ "status", FAULT_STATUS, 503 },
	{ "html", FAULT_HTML, 502 },
	{ "redirect", FAULT_REDIRECT, 307 },
	{ "truncated", FAULT_TRUNCATED, 200 },
	{ "empty", FAULT_EMPTY, 200 },
	{ "hang", FAULT_HANG, 0 },
	{ "reset", FAULT_RESET, 0 },
	{ "close", FAULT_CLOSE, 0 },
	{ "refuse", FAULT_REFUSE, 0 },
	{ "restart", FAULT_RESTART, 0 },
	{ "latency", FAULT_LATENCY, 0 },
	{ "slow-read", FAULT_SLOW_READ, 0 },
	{ "slow-answer", FAULT_SLOW_ANSWER, 0 },
};
static const char *const points[] = { "before", "mid", "after" };

/* Numbers that were not written. */
enum { UNSET = -2 };

struct draft {
	struct fault *fault;
	int64_t rate, ms, keep;
};

static bool
set_kind(struct fault *fault, const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kinds[i].name, name) != 0)
			continue;
		fault->plan.kind = kinds[i].kind;
		if (fault->plan.status == UNSET)
			fault->plan.status = kinds[i].status;
		return true;
	}
	return false;
}

static bool
set_point(struct fault *fault, const char *name)
{
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
		if (strcmp(points[i], name) == 0) {
			fault->plan.at = (enum fault_point)i;
			return true;
		}
	}
	return false;
}

static bool
set_path(struct fault *fault, const char *name)
{
	static const struct {
		const char *name;
		unsigned paths;
	} paths[] = {
		{ "ingest", PATH_EVENT | PATH_RAW },
		{ "event", PATH_EVENT },
		{ "raw", PATH_RAW },
		{ "ack", PATH_ACK },
		{ "health", PATH_HEALTH },
		{ "any", PATH_EVENT | PATH_RAW | PATH_ACK | PATH_HEALTH },
	};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		if (strcmp(paths[i].name, name) == 0) {
			fault->paths = paths[i].paths;
			return true;
		}
	}
	return false;
}

static bool
parse_number(const char *text, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	return errno == 0 && end > text && *end == '\0' && *number >= 0 &&
	       *number <= 1000000000000;
}

static bool
set_number(struct draft *draft, const char *key, int64_t number)
{
	struct fault *fault = draft->fault;
	struct plan *plan = &fault->plan;

	if (strcmp(key, "request") == 0)
		fault->request = (uint64_t)number;
	else if (strcmp(key, "every") == 0)
		fault->every = (uint64_t)number;
	else if (strcmp(key, "times") == 0)
		fault->times = (uint64_t)number;
	else if (strcmp(key, "for-ms") == 0)
		fault->for_ms = number;
	else if (strcmp(key, "status") == 0)
		plan->status = (int)number;
	else if (strcmp(key, "code") == 0)
		plan->code = (int)number;
	else if (strcmp(key, "event") == 0)
		plan->number = (long)number;
	else if (strcmp(key, "keep") == 0)
		draft->keep = number;
	else if (strcmp(key, "retry-after") == 0)
		plan->retry_after = (int)number;
	else if (strcmp(key, "indexer") == 0)
		plan->indexer = (int)number;
	else if (strcmp(key, "ms") == 0)
		draft->ms = number;
	else if (strcmp(key, "rate") == 0)
		draft->rate = number;
	else
		return false;
	return true;
}

static const char *
set_pair(struct draft *draft, const char *key, const char *value)
{
	struct fault *fault = draft->fault;
	int64_t number;

	if (strcmp(key, "kind") == 0)
		return set_kind(fault, value) ? NULL : "unknown kind";
	if (strcmp(key, "at") == 0)
		return set_point(fault, value) ? NULL
					       : "at: before, mid or after";
	if (strcmp(key, "path") == 0)
		return set_path(fault, value) ? NULL : "unknown path";
	if (strcmp(key, "until") == 0) {
		fault->until_signal = true;
		return strcmp(value, "usr2") == 0 ? NULL : "until: only usr2";
	}
	if (strcmp(key, "text") == 0 || strcmp(key, "location") == 0) {
		char *to =
		    *key == 't' ? fault->plan.text : fault->plan.location;
		snprintf(to, FAULT_TEXT_MAX, "%s", value);
		return NULL;
	}
	if (strcmp(key, "keep") == 0 && strcmp(value, "all") == 0) {
		draft->keep = INT64_MAX;
		return NULL;
	}
	if (!parse_number(value, &number))
		return "not a number that is allowed";
	return set_number(draft, key, number) ? NULL : "unknown key";
}

/* HEC's usual code for a status; -1 where it has none. */
static int
usual_code(int status)
{
	switch (status) {
	case 200:
		return HEC_SUCCESS;
	case 400:
		return HEC_INVALID_FORMAT;
	case 401:
		return HEC_INVALID_AUTHORIZATION;
	case 403:
		return HEC_INVALID_TOKEN;
	case 429:
		return 26;
	case 500:
		return 8;
	case 503:
		return HEC_BUSY;
	default:
		return status; /* plain HTTP: the body's code is the status */
	}
}

/* Events that the fault accepts when the test does not say. */
static size_t
usual_keep(const struct plan *plan)
{
	switch (plan->kind) {
	case FAULT_STATUS:
		if (plan->number >= 0)
			return plan->code == HEC_INCORRECT_INDEX &&
				       plan->number > 0
				   ? (size_t)plan->number - 1
				   : (size_t)plan->number;
		return plan->status == 200 && code_accepts(plan->code)
			   ? KEEP_ALL
			   : 0;
	case FAULT_HTML:
	case FAULT_REDIRECT:
	case FAULT_EMPTY:
		return 0;
	case FAULT_HANG:
	case FAULT_RESET:
	case FAULT_CLOSE:
		return plan->at == FAULT_AFTER ? KEEP_ALL : 0;
	default:
		return KEEP_ALL;
	}
}

static void
name_fault(struct plan *plan)
{
	const char *kind = "";

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (kinds[i].kind == plan->kind)
			kind = kinds[i].name;
	if (plan->kind == FAULT_STATUS && plan->status == 200)
		snprintf(plan->name, sizeof plan->name, "code-%d", plan->code);
	else if (plan->kind == FAULT_STATUS && plan->number >= 0)
		snprintf(plan->name, sizeof plan->name, "status-%d-prefix",
		    plan->status);
	else if (plan->kind == FAULT_STATUS || plan->kind == FAULT_HTML ||
		 plan->kind == FAULT_REDIRECT)
		snprintf(plan->name, sizeof plan->name, "%s-%d", kind,
		    plan->status);
	else if (plan->kind == FAULT_HANG || plan->kind == FAULT_RESET ||
		 plan->kind == FAULT_CLOSE)
		snprintf(plan->name, sizeof plan->name, "%s-%s", kind,
		    points[plan->at]);
	else
		snprintf(plan->name, sizeof plan->name, "%s", kind);
}

static const char *
finish(struct draft *draft)
{
	struct fault *fault = draft->fault;
	struct plan *plan = &fault->plan;

	if (plan->kind == FAULT_NONE)
		return "kind is missing";
	if (plan->at == FAULT_MID && plan->kind != FAULT_HANG &&
	    plan->kind != FAULT_RESET && plan->kind != FAULT_CLOSE)
		return "at=mid is for hang, reset and close";
	if (plan->code == UNSET)
		plan->code = usual_code(plan->status);
	if (fault->request == 0)
		fault->request = fault->every ? fault->every : 1;
	if (draft->keep != UNSET)
		plan->keep =
		    draft->keep == INT64_MAX ? KEEP_ALL : (size_t)draft->keep;
	else
		plan->keep = usual_keep(plan);
	plan->ms = draft->ms != UNSET ? draft->ms : 30000;
	if (plan->kind == FAULT_LATENCY)
		plan->latency_ms = plan->ms;
	if (plan->kind == FAULT_SLOW_READ || plan->kind == FAULT_SLOW_ANSWER) {
		if (draft->rate <= 0)
			return "rate is missing";
		*(plan->kind == FAULT_SLOW_READ ? &plan->read_rate
						: &plan->answer_rate) =
		    draft->rate;
	}
	if (plan->location[0] == '\0')
		snprintf(plan->location, FAULT_TEXT_MAX,
		    "/services/collector/elsewhere");
	name_fault(plan);
	return NULL;
}

const char *
fault_parse(struct fault *fault, const char *spec)
{
	struct draft draft = { fault, UNSET, UNSET, UNSET };
	char line[1024], *rest = line;
	const char *wrong = NULL;

	*fault = (struct fault){ .paths = PATH_EVENT | PATH_RAW, .times = 1 };
	fault->plan.at = FAULT_AFTER;
	fault->plan.status = fault->plan.code = UNSET;
	fault->plan.number = fault->plan.retry_after = -1;
	fault->plan.indexer = -1;
	if (snprintf(line, sizeof line, "%s", spec) >= (int)sizeof line)
		return "too long";
	while (wrong == NULL && rest != NULL) {
		char *key = strsep(&rest, ",");
		char *value = strchr(key, '=');
		if (value == NULL)
			return "key=value expected";
		*value++ = '\0';
		wrong = set_pair(&draft, key, value);
	}
	return wrong != NULL ? wrong : finish(&draft);
}
