/*
 * The uid of the one line in a request that an acknowledgement names: looked
 * for then, so that the others cost nothing.
 */
#include "tp-hec/line_uid.h"

#include <string.h>

#include "tp-hec/scan.h"

void
line_uid(const char *event, size_t len_bytes, char uid[UID_MAX_BYTES + 1])
{
	struct scan_names names = { 0 };
	struct scan_result result;

	uid[0] = '\0';
	if (len_bytes == 0)
		return;
	size_t place = scan_names_add(&names, "uid");
	if (scan_object(event, len_bytes, &names, &result) != SCAN_OK)
		return;
	const struct scan_slice *value = &result.value[place];
	if (value->text == NULL || value->text[0] != '"' ||
	    !uid_is_plain(value->text + 1, value->len_bytes - 2))
		return;
	memcpy(uid, value->text + 1, value->len_bytes - 2);
	uid[value->len_bytes - 2] = '\0';
}
