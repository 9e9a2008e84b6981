/*
 * What goes wrong, and when.
 */
#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "../say.h"
#include "fault_spec.h"
#include "patience.h"

enum {
	CHAOS_MAX = 48,
	/* A lone event answered 413 would rightly be set aside as too large. */
	CHAOS_413_BODY_MIN = 16384,
};

static const char *const chaos_specs[] = {
	"kind=status,status=503", /* stands in for a 413 that may not be */
	"kind=status,status=503,event=64", /* numbers are upper bounds here */
	"kind=status,status=429", "kind=status,status=429,retry-after=1",
	"kind=status,status=500", "kind=status,status=401",
	"kind=status,status=403", "kind=status,status=413",
	"kind=status,status=200,code=24", "kind=status,status=200,code=25",
	"kind=html,status=200", "kind=html,status=200,keep=all",
	"kind=html,status=403", "kind=html,status=404", "kind=html,status=502",
	"kind=redirect", "kind=truncated", "kind=truncated,keep=64",
	"kind=empty", "kind=empty,keep=all", "kind=hang,at=before,ms=500",
	"kind=hang,at=after,ms=500", "kind=reset,at=before",
	"kind=reset,at=mid", "kind=reset,at=after",
	"kind=reset,at=after,keep=64", "kind=close,at=before",
	"kind=close,at=mid", "kind=close,at=after", "kind=refuse,ms=200",
	"kind=latency,ms=200", "kind=slow-read,rate=200000",
	"kind=slow-answer,rate=2000",
	"kind=restart", /* only with acknowledgements */
};

static const struct plan no_fault = { .keep = KEEP_ALL,
	.code = -1,
	.number = -1,
	.retry_after = -1 };

struct faults {
	pthread_mutex_t lock;
	struct fault *first; /* in the order in which they were written */

	int chaos_percent;
	uint64_t chaos_seed;
	uint64_t chaos_seen;
	struct plan chaos[CHAOS_MAX];
	size_t chaos_count;
};

struct faults *
faults_new(void)
{
	struct faults *faults = calloc(1, sizeof *faults);

	if (faults == NULL)
		die(EX_OSERR, "memory: the faults refused");
	pthread_mutex_init(&faults->lock, NULL);
	return faults;
}

/* All of them, or only those of the file. */
static void
drop(struct faults *faults, bool only_of_file)
{
	struct fault **link = &faults->first;

	while (*link != NULL) {
		struct fault *fault = *link;
		if (only_of_file && !fault->from_file) {
			link = &fault->next;
			continue;
		}
		*link = fault->next;
		free(fault);
	}
}

void
faults_free(struct faults *faults)
{
	drop(faults, false);
	pthread_mutex_destroy(&faults->lock);
	free(faults);
}

static const char *
append(struct faults *faults, const char *spec, bool from_file)
{
	struct fault *fault = malloc(sizeof *fault);
	struct fault **link = &faults->first;
	const char *wrong;

	if (fault == NULL)
		die(EX_OSERR, "memory: a fault refused");
	wrong = fault_parse(fault, spec);
	if (wrong != NULL) {
		free(fault);
		return wrong;
	}
	fault->from_file = from_file;
	while (*link != NULL)
		link = &(*link)->next;
	*link = fault;
	return NULL;
}

void
faults_add(struct faults *faults, const char *spec)
{
	const char *wrong = append(faults, spec, false);

	if (wrong != NULL)
		die(EX_USAGE, "--fault %s: %s", spec, wrong);
}

void
faults_read_file(struct faults *faults, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (file == NULL) {
		say("%s: %s", path, strerror(errno));
		return;
	}
	pthread_mutex_lock(&faults->lock);
	drop(faults, true);
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		const char *wrong = append(faults, line, true);
		if (wrong != NULL)
			say("%s: %s: %s", path, line, wrong);
	}
	pthread_mutex_unlock(&faults->lock);
	free(line);
	fclose(file);
}

void
faults_relent(struct faults *faults)
{
	pthread_mutex_lock(&faults->lock);
	for (struct fault *f = faults->first; f != NULL; f = f->next)
		if (f->until_signal)
			f->is_over = true;
	pthread_mutex_unlock(&faults->lock);
}

/* --- chaos --------------------------------------------------------------- */

static bool
is_chosen(const char *name, const char *kinds)
{
	while (kinds != NULL && *kinds != '\0') {
		size_t len = strcspn(kinds, ",");
		if (len > 0 && strncmp(name, kinds, len) == 0)
			return true;
		kinds += len + (kinds[len] == ',');
	}
	return kinds == NULL;
}

void
faults_set_chaos(struct faults *faults, int percent, uint64_t seed,
    const char *kinds, bool with_acks)
{
	faults->chaos_percent = percent;
	faults->chaos_seed = seed;
	for (size_t i = 0; i < sizeof chaos_specs / sizeof *chaos_specs; i++) {
		struct fault fault;
		fault_parse(&fault, chaos_specs[i]);
		if ((kinds == NULL || is_chosen(fault.plan.name, kinds)) &&
		    (fault.plan.kind != FAULT_RESTART || with_acks))
			faults->chaos[faults->chaos_count++] = fault.plan;
	}
	if (percent > 0 && faults->chaos_count == 0)
		die(EX_USAGE, "--chaos-kinds %s: no such kind", kinds);
}

/* splitmix64: the n-th request's luck depends on the seed and n alone. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static void
plan_chaos(struct faults *faults, uint64_t body_bytes, struct plan *plan)
{
	uint64_t state =
	    faults->chaos_seed * 0x2545f4914f6cdd1dU + faults->chaos_seen++;

	if (next_random(&state) % 100 >= (uint64_t)faults->chaos_percent)
		return;
	*plan = faults->chaos[next_random(&state) % faults->chaos_count];
	if (plan->status == 413 && body_bytes < CHAOS_413_BODY_MIN)
		*plan = faults->chaos[0];
	if (plan->status == 413 && body_bytes < CHAOS_413_BODY_MIN)
		*plan = no_fault;
	if (plan->keep > 0 && plan->keep != KEEP_ALL) {
		plan->keep = (size_t)(next_random(&state) % (plan->keep + 1));
		if (plan->number > 0)
			plan->number = (long)plan->keep;
	}
}

/* --- written faults ------------------------------------------------------ */

static bool
strikes(struct fault *fault, enum fault_path path, int64_t now_ms)
{
	uint64_t behind;

	if (fault->is_over || (fault->paths & path) == 0 ||
	    ++fault->seen < fault->request)
		return false;
	behind = fault->seen - fault->request;
	if (fault->every > 0 && behind % fault->every != 0)
		return false;
	if (fault->until_signal)
		return true;
	if (fault->for_ms > 0) {
		if (fault->since_ms == 0)
			fault->since_ms = now_ms;
		fault->is_over = now_ms - fault->since_ms >= fault->for_ms;
		return !fault->is_over;
	}
	fault->struck++;
	fault->is_over = fault->times > 0 && fault->struck >= fault->times;
	return true;
}

static bool
is_pace(enum fault_kind kind)
{
	return kind == FAULT_LATENCY || kind == FAULT_SLOW_READ ||
	       kind == FAULT_SLOW_ANSWER;
}

/* Paces go together with any other fault; of the others the first wins. */
static void
merge(struct plan *plan, const struct plan *fault)
{
	const struct plan had = *plan;

	if (had.kind == FAULT_NONE ||
	    (is_pace(had.kind) && !is_pace(fault->kind)))
		*plan = *fault;
	plan->latency_ms = had.latency_ms + fault->latency_ms;
	plan->read_rate = fault->read_rate ? fault->read_rate : had.read_rate;
	plan->answer_rate =
	    fault->answer_rate ? fault->answer_rate : had.answer_rate;
}

void
faults_plan(struct faults *faults, enum fault_path path, uint64_t body_bytes,
    struct plan *plan)
{
	int64_t now_ms = clock_ms();

	*plan = no_fault;
	pthread_mutex_lock(&faults->lock);
	if (faults->chaos_percent > 0 && (path & (PATH_EVENT | PATH_RAW)) != 0)
		plan_chaos(faults, body_bytes, plan);
	for (struct fault *f = faults->first; f != NULL; f = f->next)
		if (strikes(f, path, now_ms))
			merge(plan, &f->plan);
	pthread_mutex_unlock(&faults->lock);
}
