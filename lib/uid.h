/*
 * Which uids can stand in an acknowledgement and in the journal: 1 to 64
 * characters out of [A-Za-z0-9._:-].  A server's other words never reach
 * either line.
 */
#ifndef LIB_UID_H
#define LIB_UID_H

#include <stddef.h>
#include <stdint.h>

enum { UID_MAX_BYTES = 64 };

static inline int
uid_is_plain(const char *uid, size_t len_bytes)
{
	/* a bit a byte value, for a table lookup costs less than branches */
	static const uint64_t plain[4] = {
		3ull << '-' | 0x7ffull << '0', /* - . 0-9 : */
		0x3ffffffull << ('A' - 64) | 1ull << ('_' - 64) |
		    0x3ffffffull << ('a' - 64),
	};
	uint64_t is_plain = 1;

	if (len_bytes == 0 || len_bytes > UID_MAX_BYTES)
		return 0;
	for (size_t i = 0; i < len_bytes; i++) {
		unsigned char c = (unsigned char)uid[i];
		is_plain &= plain[c >> 6] >> (c & 63);
	}
	return (int)is_plain;
}

#endif
