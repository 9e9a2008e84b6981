/* Ranges settled ahead of the prefix, sorted; few, as few requests fly. */
#include "tp-hec/window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"

struct range {
	int64_t first;
	struct window_mark last;
};

struct window {
	struct window_mark safe;
	struct range *ahead; /* sorted, disjoint, none touches the prefix */
	size_t count;
	size_t capacity;
};

struct window *
window_new(void)
{
	struct window *window = calloc(1, sizeof(*window));

	if (window == NULL)
		die(EXIT_OS, "out of memory");
	return window;
}

void
window_free(struct window *window)
{
	if (window == NULL)
		return;
	free(window->ahead);
	free(window);
}

static void
make_room(struct window *window)
{
	if (window->count < window->capacity)
		return;
	window->capacity = window->capacity ? window->capacity * 2 : 16;
	window->ahead =
	    realloc(window->ahead, window->capacity * sizeof(*window->ahead));
	if (window->ahead == NULL)
		die(EXIT_OS, "out of memory");
}

static void
insert(struct window *window, int64_t first, const struct window_mark *last)
{
	size_t at = window->count;

	make_room(window);
	while (at > 0 && window->ahead[at - 1].first > first)
		at--;
	assert(at == 0 || window->ahead[at - 1].last.line < first);
	assert(at == window->count || window->ahead[at].first > last->line);
	memmove(&window->ahead[at + 1], &window->ahead[at],
	    (window->count - at) * sizeof(*window->ahead));
	window->ahead[at] = (struct range){ first, *last };
	window->count++;
}

/* Takes into the prefix the ranges that now touch it. */
static void
advance(struct window *window)
{
	size_t taken = 0;

	while (taken < window->count &&
	       window->ahead[taken].first == window->safe.line + 1)
		window->safe = window->ahead[taken++].last;
	window->count -= taken;
	memmove(window->ahead, window->ahead + taken,
	    window->count * sizeof(*window->ahead));
}

void
window_settle(struct window *window, int64_t first,
    const struct window_mark *last)
{
	assert(first > window->safe.line && last->line >= first);
	insert(window, first, last);
	if (window->ahead[0].first == window->safe.line + 1)
		advance(window);
}

const struct window_mark *
window_safe(const struct window *window)
{
	return &window->safe;
}
