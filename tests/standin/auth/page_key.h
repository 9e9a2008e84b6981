/* page_key.h -- the opaque keys that say where the next page begins.
 *
 * Two styles, after two of Teleport's backends (position: Postgres; uid: the
 * file log).  A position stays good whatever is added or removed; a uid is
 * good only while that event is in the window. */
#ifndef STANDIN_AUTH_PAGE_KEY_H
#define STANDIN_AUTH_PAGE_KEY_H

#include "catalogue.h"

enum key_style { KEY_POSITION, KEY_UID };

/* What a key may hold: ids beyond this are cut, which only style uid sees. */
enum { KEY_ID_SIZE = 255, KEY_TEXT_SIZE = 400 };

struct page_key {
	int64_t time_ns;
	int64_t index;
	char id[KEY_ID_SIZE + 1];
};

/* "" if the style cannot express it (style uid: a place without an event). */
void page_key_print(char text[KEY_TEXT_SIZE], enum key_style style,
    const struct position *position);

enum key_status { KEY_OK, KEY_MALFORMED, KEY_UNKNOWN };

/* KEY_UNKNOWN: style uid, and no event with that id lies in the window. */
enum key_status
page_key_parse(struct page_key *key, enum key_style style, const char *text,
    const struct catalogue *catalogue, const struct range *window);

#endif
