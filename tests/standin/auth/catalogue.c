/* Binary search in each source, then a merge of the sources. */
#include "catalogue.h"

#include <stddef.h>

static struct position
position_at(const struct source *source, size_t number, struct event *event)
{
	event->patch = NULL;
	source->get(source->self, number, event);
	return event_position(event);
}

/* How many events stand before `place`, or, with `is_upper`, not beyond it. */
static size_t
count_before(const struct source *source, const struct position *place,
    int is_upper)
{
	size_t low = 0, high = source->count(source->self);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct event event;
		struct position at = position_at(source, middle, &event);

		if (position_compare(&at, place) < is_upper)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
fetch(struct walk *walk, int number)
{
	const struct source *source = &walk->catalogue->sources[number];
	struct lane *lane = &walk->lanes[number];

	lane->has_event = lane->left > 0;
	if (!lane->has_event)
		return;
	lane->number = lane->next;
	position_at(source, lane->number, &lane->event);
	lane->next += walk->is_ascending ? 1 : SIZE_MAX;
	lane->left--;
}

static void
begin_lane(struct walk *walk, int number, const struct range *range)
{
	const struct source *source = &walk->catalogue->sources[number];
	struct lane *lane = &walk->lanes[number];
	struct position from = { range->from_ns, INT64_MIN, NULL };
	struct position to = { range->to_ns, INT64_MAX, NULL };
	size_t low = count_before(source, &from, 0);
	size_t high = count_before(source, &to, 1);

	if (range->after) {
		size_t edge =
		    count_before(source, range->after, range->is_ascending);

		if (range->is_ascending && edge > low)
			low = edge;
		else if (!range->is_ascending && edge < high)
			high = edge;
	}
	lane->left = high > low ? high - low : 0;
	lane->next = range->is_ascending ? low : high - 1;
	fetch(walk, number);
}

void
walk_begin(struct walk *walk, const struct catalogue *catalogue,
    const struct range *range)
{
	walk->catalogue = catalogue;
	walk->is_ascending = range->is_ascending;
	walk->current = -1;
	for (int i = 0; i < catalogue->count; i++)
		begin_lane(walk, i, range);
}

static int
comes_first(const struct walk *walk, int number, int other)
{
	struct position a = event_position(&walk->lanes[number].event);
	struct position b = event_position(&walk->lanes[other].event);
	int order = position_compare(&a, &b);

	return walk->is_ascending ? order < 0 : order > 0;
}

const struct event *
walk_next(struct walk *walk)
{
	int best = -1;

	if (walk->current >= 0)
		fetch(walk, walk->current);
	for (int i = 0; i < walk->catalogue->count; i++) {
		if (walk->lanes[i].has_event &&
		    (best < 0 || comes_first(walk, i, best)))
			best = i;
	}
	walk->current = best;
	return best < 0 ? NULL : &walk->lanes[best].event;
}

json_t *
walk_json(const struct walk *walk)
{
	const struct source *source = &walk->catalogue->sources[walk->current];

	return source->json(source->self, walk->lanes[walk->current].number);
}

int
catalogue_find(const struct catalogue *catalogue, const char *id,
    struct event *event)
{
	for (int i = 0; i < catalogue->count; i++) {
		const struct source *source = &catalogue->sources[i];
		size_t number;

		if (!source->find(source->self, id, &number))
			continue;
		position_at(source, number, event);
		return 1;
	}
	return 0;
}
