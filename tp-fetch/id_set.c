/*
 * A set of event ids: open addressing over an arena of length-prefixed ids.
 *
 * Invariants: `slots` is a power of two and at most half full; a slot holds 1
 * + the arena offset of an id, or 0.
 */
#include "tp-fetch/id_set.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/message.h"

enum { FIRST_SLOTS = 64 };

struct id_set {
	struct buffer arena;
	uint32_t *slot;
	size_t slots;
	size_t count;
};

static uint32_t *
make_slots(size_t slots)
{
	uint32_t *slot = calloc(slots, sizeof(*slot));

	if (slot == NULL)
		die(EXIT_OS, "out of memory");
	return slot;
}

struct id_set *
id_set_new(void)
{
	struct id_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		die(EXIT_OS, "out of memory");
	set->slots = FIRST_SLOTS;
	set->slot = make_slots(set->slots);
	return set;
}

void
id_set_free(struct id_set *set)
{
	if (set == NULL)
		return;
	buffer_free(&set->arena);
	free(set->slot);
	free(set);
}

void
id_set_clear(struct id_set *set)
{
	set->arena.len_bytes = 0;
	set->count = 0;
	memset(set->slot, 0, set->slots * sizeof(*set->slot));
}

size_t
id_set_count(const struct id_set *set)
{
	return set->count;
}

/* FNV-1a: ids are random already, so that spread is all it has to keep. */
static size_t
hash(const char *id, size_t len_bytes)
{
	uint64_t value = 0xcbf29ce484222325;

	for (size_t i = 0; i < len_bytes; i++)
		value = (value ^ (unsigned char)id[i]) * 0x100000001b3;
	return (size_t)(value ^ value >> 32);
}

static const char *
id_at(const struct id_set *set, uint32_t offset, size_t *len_bytes)
{
	const char *entry = set->arena.data + offset;

	*len_bytes = (unsigned char)*entry;
	return entry + 1;
}

/* The slot that holds `id`, or the empty one where it belongs. */
static size_t
find(const struct id_set *set, const char *id, size_t len_bytes)
{
	size_t at = hash(id, len_bytes) & (set->slots - 1);

	for (; set->slot[at] != 0; at = (at + 1) & (set->slots - 1)) {
		size_t other_len;
		const char *other = id_at(set, set->slot[at] - 1, &other_len);
		if (other_len == len_bytes && memcmp(other, id, len_bytes) == 0)
			break;
	}
	return at;
}

int
id_set_has(const struct id_set *set, const char *id, size_t len_bytes)
{
	return set->slot[find(set, id, len_bytes)] != 0;
}

int
id_set_is_within(const struct id_set *set, const struct id_set *other)
{
	for (size_t offset = 0; offset < set->arena.len_bytes;) {
		size_t len;
		const char *id = id_at(set, (uint32_t)offset, &len);
		if (!id_set_has(other, id, len))
			return 0;
		offset += 1 + len;
	}
	return 1;
}

static void
grow(struct id_set *set)
{
	free(set->slot);
	set->slots *= 2;
	set->slot = make_slots(set->slots);
	for (size_t offset = 0; offset < set->arena.len_bytes;) {
		size_t len;
		const char *id = id_at(set, (uint32_t)offset, &len);
		set->slot[find(set, id, len)] = (uint32_t)offset + 1;
		offset += 1 + len;
	}
}

void
id_set_add(struct id_set *set, const char *id, size_t len_bytes)
{
	if (set->count * 2 >= set->slots)
		grow(set);
	size_t at = find(set, id, len_bytes);
	if (set->slot[at] != 0)
		return;
	set->slot[at] = (uint32_t)set->arena.len_bytes + 1;
	buffer_append_byte(&set->arena, (char)len_bytes);
	buffer_append(&set->arena, id, len_bytes);
	set->count++;
}

void
id_set_each(const struct id_set *set,
    void (*visit)(void *, const char *, size_t), void *cookie)
{
	for (size_t offset = 0; offset < set->arena.len_bytes;) {
		size_t len;
		const char *id = id_at(set, (uint32_t)offset, &len);
		visit(cookie, id, len);
		offset += 1 + len;
	}
}
