/*
 * Which uids can stand in an acknowledgement and in the journal: 1 to 64
 * characters out of [A-Za-z0-9._:-].  A server's other words never reach
 * either line.
 */
#ifndef LIB_UID_H
#define LIB_UID_H

#include <stddef.h>

enum { UID_MAX_BYTES = 64 };

static inline int
uid_is_plain(const char *uid, size_t len_bytes)
{
	if (len_bytes == 0 || len_bytes > UID_MAX_BYTES)
		return 0;
	for (size_t i = 0; i < len_bytes; i++) {
		unsigned char c = (unsigned char)uid[i];
		unsigned char lower = c | 0x20;
		if (!(c >= '-' && c <= ':' && c != '/') &&
		    !(lower >= 'a' && lower <= 'z') && c != '_')
			return 0;
	}
	return 1;
}

#endif
