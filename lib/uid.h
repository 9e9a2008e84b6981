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
	unsigned is_plain = 1;

	if (len_bytes == 0 || len_bytes > UID_MAX_BYTES)
		return 0;
	for (size_t i = 0; i < len_bytes; i++) { /* branches would cost more */
		unsigned c = (unsigned char)uid[i];
		unsigned is_letter = (c | 0x20u) - 'a' < 26;
		unsigned is_digit_or_colon = c - '0' < 11;
		unsigned is_dash_or_dot = c - '-' < 2;
		is_plain &=
		    is_letter | is_digit_or_colon | is_dash_or_dot | (c == '_');
	}
	return (int)is_plain;
}

#endif
