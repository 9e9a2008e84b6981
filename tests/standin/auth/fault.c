/* Faults: their text form, when they strike, and random ones. */
#include "fault.h"

#include "../say.h"
#include "memory.h"
#include "random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RPC_SIZE = 64, SPEC_SIZE = 1024 };

struct fault {
	char rpc[RPC_SIZE]; /* "": any */
	int64_t call;
	int64_t times; /* 0: for ever */
	int64_t seen;
	struct fault_action action;
};

struct faults {
	struct fault *list;
	size_t count;
	size_t capacity;
	int chaos_percent;
	struct random chaos;
	int is_lifted;
};

static const char *const status_names[] = { "OK", "CANCELLED", "UNKNOWN",
	"INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
	"ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
	"DATA_LOSS", "UNAUTHENTICATED" };
enum { STATUS_COUNT = sizeof status_names / sizeof *status_names };

const char *
status_name(grpc_status_code status)
{
	return (size_t)status < STATUS_COUNT ? status_names[status] : NULL;
}

struct faults *
faults_new(void)
{
	return x_zalloc(sizeof(struct faults));
}

void
faults_free(struct faults *faults)
{
	if (!faults)
		return;
	free(faults->list);
	free(faults);
}

static int
take_status(grpc_status_code *status, const char *name)
{
	for (int i = 0; i < STATUS_COUNT; i++) {
		if (strcmp(status_names[i], name) == 0) {
			*status = (grpc_status_code)i;
			return 0;
		}
	}
	return -1;
}

static int
take_number(int64_t *number, const char *text)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	return errno || end == text || *end || *number < 0 ? -1 : 0;
}

static int
take_size(size_t *size, const char *text)
{
	int64_t number;

	if (take_number(&number, text))
		return -1;
	*size = (size_t)number;
	return 0;
}

static int
take_cut(enum cut *cut, const char *how)
{
	int is_rst = strcmp(how, "rst") == 0;

	*cut = is_rst ? CUT_RST : CUT_FIN;
	return is_rst || !*how || strcmp(how, "fin") == 0 ? 0 : -1;
}

static int
take_rpc(struct fault *fault, const char *name)
{
	snprintf(fault->rpc, sizeof fault->rpc, "%s",
	    strcmp(name, "any") == 0 ? "" : name);
	return 0;
}

/* Words without a value. */
static int *
find_flag(struct fault_action *action, const char *word)
{
	const struct {
		const char *word;
		int *flag;
	} flags[] = {
		{ "hang", &action->is_hang },
		{ "garbage", &action->is_garbage },
		{ "truncate", &action->is_truncated },
		{ "empty-page", &action->page.is_empty },
		{ "same-key", &action->page.keeps_key },
		{ "drop-key", &action->page.drops_key },
		{ "duplicate", &action->page.repeats_first },
		{ "overlap", &action->page.overlaps },
	};

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		if (strcmp(flags[i].word, word) == 0)
			return flags[i].flag;
	}
	return NULL;
}

static int
take_word(struct fault *fault, const char *word, const char *value)
{
	struct fault_action *action = &fault->action;
	int *flag = find_flag(action, word);

	if (flag) {
		*flag = 1;
		return *value ? -1 : 0;
	}
	if (strcmp(word, "rpc") == 0)
		return take_rpc(fault, value);
	if (strcmp(word, "call") == 0)
		return take_number(&fault->call, value);
	if (strcmp(word, "times") == 0)
		return take_number(&fault->times, value);
	if (strcmp(word, "status") == 0)
		return take_status(&action->status, value);
	if (strcmp(word, "bad-key") == 0)
		return take_status(&action->page.key_status,
		    *value ? value : "INVALID_ARGUMENT");
	if (strcmp(word, "latency-ms") == 0)
		return take_number(&action->latency_ms, value);
	if (strcmp(word, "disconnect") == 0)
		return take_cut(&action->cut, value);
	if (strcmp(word, "after-bytes") == 0)
		return take_number(&action->cut_after, value);
	if (strcmp(word, "stall-ms") == 0)
		return take_number(&action->stall_ms, value);
	if (strcmp(word, "page-limit") == 0)
		return take_size(&action->page.limit_cap, value);
	return -1;
}

/* `message=` takes the rest of the text, commas and all. */
static int
take_message(struct fault_action *action, const char *rest)
{
	static const char word[] = "message=";

	if (strncmp(rest, word, sizeof word - 1) != 0)
		return 0;
	snprintf(action->message, sizeof action->message, "%s",
	    rest + sizeof word - 1);
	return 1;
}

static int
parse(struct fault *fault, char *text)
{
	while (text && *text && !take_message(&fault->action, text)) {
		char *word = strsep(&text, ",");
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		if (take_word(fault, word, value ? value : "")) {
			say("fault: %s%s%s: not understood", word,
			    value ? "=" : "", value ? value : "");
			return -1;
		}
	}
	return 0;
}

int
faults_add(struct faults *faults, const char *text)
{
	struct fault fault = { .call = 1, .times = 1 };
	char copy[SPEC_SIZE];

	if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy) {
		say("fault: longer than %d characters", SPEC_SIZE - 1);
		return -1;
	}
	if (parse(&fault, copy))
		return -1;
	fault.action.is_set = 1;
	faults->list = x_grow(faults->list, &faults->capacity,
	    faults->count + 1, sizeof *faults->list);
	faults->list[faults->count++] = fault;
	return 0;
}

int
faults_add_file(struct faults *faults, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[SPEC_SIZE];
	int status = 0;

	if (!file) {
		say("%s: %s", path, strerror(errno));
		return -1;
	}
	while (!status && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && *line != '#')
			status = faults_add(faults, line);
	}
	fclose(file);
	return status;
}

void
faults_set_chaos(struct faults *faults, int percent, uint64_t seed)
{
	faults->chaos_percent = percent;
	faults->chaos = (struct random){ random_mix(seed) };
}

/* Only what a caller must get over by itself without losing or repeating an
 * event. */
static struct fault_action
make_chaos(struct random *random)
{
	struct fault_action action = { .is_set = 1 };

	switch (random_below(random, 9)) {
	case 0:
		action.status = GRPC_STATUS_UNAVAILABLE;
		break;
	case 1:
		action.status = GRPC_STATUS_RESOURCE_EXHAUSTED;
		break;
	case 2:
		action.latency_ms = (int64_t)random_below(random, 50);
		break;
	case 3:
		action.cut = CUT_RST;
		break;
	case 4:
		action.cut = CUT_FIN;
		action.cut_after = (int64_t)random_below(random, 20000);
		break;
	case 5:
		action.page.limit_cap = 1 + (size_t)random_below(random, 20);
		break;
	case 6:
		action.page.is_empty = 1;
		break;
	case 7:
		action.page.repeats_first = 1;
		break;
	default:
		action.page.overlaps = 1;
		break;
	}
	if (action.status)
		snprintf(action.message, sizeof action.message, "chaos");
	return action;
}

static void
merge_page(struct page_rules *into, const struct page_rules *from)
{
	if (from->limit_cap)
		into->limit_cap = from->limit_cap;
	into->is_empty |= from->is_empty;
	into->keeps_key |= from->keeps_key;
	into->drops_key |= from->drops_key;
	into->repeats_first |= from->repeats_first;
	into->overlaps |= from->overlaps;
	if (from->key_status != GRPC_STATUS_OK)
		into->key_status = from->key_status;
}

static void
merge(struct fault_action *into, const struct fault_action *from)
{
	into->is_set = 1;
	if (from->status) {
		into->status = from->status;
		memcpy(into->message, from->message, sizeof into->message);
	}
	into->latency_ms += from->latency_ms;
	into->is_hang |= from->is_hang;
	if (from->cut) {
		into->cut = from->cut;
		into->cut_after = from->cut_after;
	}
	into->stall_ms += from->stall_ms;
	into->is_garbage |= from->is_garbage;
	into->is_truncated |= from->is_truncated;
	merge_page(&into->page, &from->page);
}

static int
meets(struct fault *fault, const char *rpc)
{
	if (*fault->rpc && strcmp(fault->rpc, rpc) != 0)
		return 0;
	fault->seen++;
	return fault->seen >= fault->call &&
	       (!fault->times || fault->seen < fault->call + fault->times);
}

struct fault_action
faults_meet(struct faults *faults, const char *rpc)
{
	struct fault_action action = { 0 };

	if (faults->is_lifted)
		return action;
	for (size_t i = 0; i < faults->count; i++) {
		if (meets(&faults->list[i], rpc))
			merge(&action, &faults->list[i].action);
	}
	if (faults->chaos_percent &&
	    (int)random_below(&faults->chaos, 100) < faults->chaos_percent) {
		struct fault_action chaos = make_chaos(&faults->chaos);

		merge(&action, &chaos);
	}
	return action;
}

void
faults_lift(struct faults *faults)
{
	faults->is_lifted = 1;
}

int
faults_need_relay(const struct faults *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault_action *action = &faults->list[i].action;

		if (action->cut || action->stall_ms)
			return 1;
	}
	return faults->chaos_percent > 0;
}
