/* The order of events. */
#include "event.h"

#include <string.h>

struct position
event_position(const struct event *event)
{
	return (struct position){ event->time_ns, event->index, event->id };
}

int
position_compare(const struct position *a, const struct position *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (!a->id || !b->id)
		return 0;
	return strcmp(a->id, b->id);
}
