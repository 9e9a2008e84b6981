/* Synthetic events: templates encoded once, patched in place per event.
 *
 * A template is encoded with place holders for its uid, time and ei, which
 * are then searched for in the bytes.  All three have a fixed width in the
 * Struct (36 and 24 characters, 8 bytes), so patching changes no length. */
#include "synthetic.h"

#include "../say.h"
#include "clock.h"
#include "corpus.h"
#include "memory.h"
#include "random.h"
#include "struct_encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEMPLATES = 512 };

static const char uid_holder[] = "5e7aaaaa-0000-4000-8000-00000000c0de";
static const char time_holder[] = "1983-02-29T25:61:61.999Z";
static const double index_holder = 5.0e-123;

struct template
{
	json_t *json;
	const char *type; /* lies in json */
	uint8_t *fields;
	size_t fields_size;
	size_t json_size;
	struct patch patch;
};

struct synthetic {
	struct synthetic_plan plan;
	struct template templates[TEMPLATES];
	int64_t day; /* whose date is in day_text */
	char day_text[CLOCK_TEXT_SIZE];
};

static size_t
find_holder(const struct template *template, const void *holder, size_t size)
{
	const uint8_t *at =
	    memmem(template->fields, template->fields_size, holder, size);

	if (!at)
		die(EXIT_OS, "bug: a template lost its place holder");
	return (size_t)(at - template->fields);
}

static void
template_make(struct template *template, struct random *random,
    const char *cluster)
{
	struct wire_out out = { 0 };
	char *text;

	template->json = corpus_event(random, cluster);
	json_object_set_new(template->json, "uid", json_string(uid_holder));
	json_object_set_new(template->json, "time", json_string(time_holder));
	json_object_set_new(template->json, "ei", json_real(index_holder));
	struct_encode(&out, template->json, random);
	template->fields_size = wire_size(&out);
	template->fields = x_alloc(template->fields_size);
	memcpy(template->fields, wire_data(&out), template->fields_size);
	wire_free(&out);

	template->patch.uid = find_holder(template, uid_holder, UID_SIZE);
	template->patch.time = find_holder(template, time_holder, TIME_SIZE);
	template->patch.index =
	    find_holder(template, &index_holder, sizeof index_holder);

	json_object_set_new(template->json, "ei", json_integer(0));
	template->type =
	    json_string_value(json_object_get(template->json, "event"));
	text = json_dumps(template->json, JSON_COMPACT);
	template->json_size = strlen(text);
	free(text);
}

struct synthetic *
synthetic_new(const struct synthetic_plan *plan)
{
	struct synthetic *synthetic = x_zalloc(sizeof *synthetic);
	struct random random = { random_mix(plan->seed) };

	synthetic->plan = *plan;
	synthetic->day = INT64_MIN;
	for (int i = 0; i < TEMPLATES; i++)
		template_make(&synthetic->templates[i], &random, plan->cluster);
	return synthetic;
}

void
synthetic_free(struct synthetic *synthetic)
{
	if (!synthetic)
		return;
	for (int i = 0; i < TEMPLATES; i++) {
		json_decref(synthetic->templates[i].json);
		free(synthetic->templates[i].fields);
	}
	free(synthetic);
}

static const struct template *
template_of(const struct synthetic *synthetic, size_t number)
{
	uint64_t spread = random_mix(synthetic->plan.seed + 77 + number);

	return &synthetic->templates[spread % TEMPLATES];
}

/* A version 4 uuid whose last 48 bits are i, masked by a hash of the seed and
 * the rest. */
#define VERSION_BITS  UINT64_C(0x4000)
#define VERSION_MASK  UINT64_C(0xf000)
#define LOW_48        UINT64_C(0xffffffffffff)
#define VARIANT_CLOCK UINT64_C(0xb000)

static uint64_t
uid_head(const struct synthetic *synthetic, size_t number)
{
	uint64_t head =
	    random_mix(random_mix(synthetic->plan.seed) ^
		       (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15));

	return (head & ~VERSION_MASK) | VERSION_BITS;
}

static uint64_t
uid_mask(const struct synthetic *synthetic, uint64_t head)
{
	return random_mix(head ^ ~synthetic->plan.seed) & LOW_48;
}

static char *
print_hex(char *at, uint64_t value, int digits)
{
	static const char hex[] = "0123456789abcdef";

	for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
		*at++ = hex[value >> shift & 15];
	return at;
}

static void
print_uid(const struct synthetic *synthetic, size_t number, char *text)
{
	uint64_t head = uid_head(synthetic, number);
	uint64_t node = number ^ uid_mask(synthetic, head);

	text = print_hex(text, head >> 32, 8);
	*text++ = '-';
	text = print_hex(text, head >> 16 & 0xffff, 4);
	*text++ = '-';
	text = print_hex(text, head & 0xffff, 4);
	*text++ = '-';
	text = print_hex(text, VARIANT_CLOCK, 4);
	*text++ = '-';
	text = print_hex(text, node, 12);
	*text = '\0';
}

static int64_t
time_of(const struct synthetic *synthetic, size_t number)
{
	const struct synthetic_plan *plan = &synthetic->plan;
	int64_t time_ns = plan->start_ns + (int64_t)number * plan->interval_ns;

	return time_ns - time_ns % NS_PER_MS;
}

/* The events of one millisecond count from 0: the first of them is where
 * time_of() first reaches that millisecond. */
static int64_t
index_of(const struct synthetic *synthetic, size_t number, int64_t time_ns)
{
	const struct synthetic_plan *plan = &synthetic->plan;
	int64_t first = 0;

	if (plan->interval_ns >= NS_PER_MS)
		return 0;
	if (plan->interval_ns && time_ns > plan->start_ns)
		first = (time_ns - plan->start_ns + plan->interval_ns - 1) /
			plan->interval_ns;
	return (int64_t)number - first;
}

static void
print_digits(char *at, int64_t value, int digits)
{
	while (digits-- > 0) {
		at[digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* strftime per event would cost more than all the rest: the date is printed
 * once a day. */
static void
print_time(struct synthetic *synthetic, int64_t time_ns, char *text)
{
	int64_t ms = time_ns / NS_PER_MS;
	int64_t day = ms / 86400000;
	int64_t rest = ms % 86400000;

	if (day != synthetic->day) {
		clock_print(synthetic->day_text, day * 86400 * NS_PER_S);
		synthetic->day = day;
	}
	memcpy(text, synthetic->day_text, TIME_SIZE + 1);
	print_digits(text + 11, rest / 3600000, 2);
	print_digits(text + 14, rest / 60000 % 60, 2);
	print_digits(text + 17, rest / 1000 % 60, 2);
	print_digits(text + 20, rest % 1000, 3);
}

static size_t
count(const void *self)
{
	return ((const struct synthetic *)self)->plan.count;
}

static void
get(void *self, size_t number, struct event *event)
{
	struct synthetic *synthetic = self;
	const struct template *template = template_of(synthetic, number);

	event->time_ns = time_of(synthetic, number);
	event->index = index_of(synthetic, number, event->time_ns);
	event->type = template->type;
	event->fields = template->fields;
	event->fields_size = template->fields_size;
	event->json_size = template->json_size;
	event->patch = &template->patch;
	print_uid(synthetic, number, event->uid_text);
	print_time(synthetic, event->time_ns, event->time_text);
	event->id = event->uid_text;
}

static json_t *
json(void *self, size_t number)
{
	struct event event;
	json_t *object;

	get(self, number, &event);
	object = json_deep_copy(template_of(self, number)->json);
	json_object_set_new(object, "uid", json_string(event.uid_text));
	json_object_set_new(object, "time", json_string(event.time_text));
	json_object_set_new(object, "ei", json_integer(event.index));
	return object;
}

/* The next hex digits, skipping what is none; 0 for those that are missing. */
static uint64_t
read_hex(const char **text, int digits)
{
	uint64_t value = 0;

	for (; digits > 0 && **text; (*text)++) {
		int is_digit = **text >= '0' && **text <= '9';

		if (!is_digit && (**text < 'a' || **text > 'f'))
			continue;
		value = value << 4 |
			(uint64_t)(is_digit ? **text - '0' : **text - 'a' + 10);
		digits--;
	}
	return value;
}

/* Takes the text for a uid of ours, and believes it if it is what that event
 * is called. */
static int
find(const void *self, const char *id, size_t *number)
{
	const struct synthetic *synthetic = self;
	const char *at = id;
	char text[UID_SIZE + 1];
	uint64_t head = read_hex(&at, 16);

	read_hex(&at, 4);
	*number = read_hex(&at, 12) ^ uid_mask(synthetic, head);
	if (*number >= synthetic->plan.count)
		return 0;
	print_uid(synthetic, *number, text);
	return strcmp(text, id) == 0;
}

struct source
synthetic_source(struct synthetic *synthetic)
{
	return (struct source){ synthetic, count, get, json, find };
}
