/* Page keys: base64url of (time, index, id), or an event's id. */
#include "page_key.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { HEAD_SIZE = 16, PACKED_SIZE = HEAD_SIZE + KEY_ID_SIZE };

static void
pack(uint8_t *at, int64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)((uint64_t)value >> (8 * i));
}

static int64_t
unpack(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return (int64_t)value;
}

static void
swap(char *text, char from, char to)
{
	for (; (text = strchr(text, from)); text++)
		*text = to;
}

static void
print_position(char text[KEY_TEXT_SIZE], const struct position *position)
{
	uint8_t packed[PACKED_SIZE];
	size_t id_size = position->id ? strlen(position->id) : 0;

	if (id_size > KEY_ID_SIZE)
		id_size = KEY_ID_SIZE;
	pack(packed, position->time_ns);
	pack(packed + 8, position->index);
	if (id_size)
		memcpy(packed + HEAD_SIZE, position->id, id_size);
	EVP_EncodeBlock((unsigned char *)text, packed,
	    (int)(HEAD_SIZE + id_size));
	swap(text, '+', '-');
	swap(text, '/', '_');
	text[strcspn(text, "=")] = '\0';
}

static enum key_status
parse_position(struct page_key *key, const char *text)
{
	uint8_t packed[KEY_TEXT_SIZE];
	char padded[KEY_TEXT_SIZE];
	size_t size = strlen(text);
	int padding = (int)((4 - size % 4) % 4);
	int packed_size;

	if (size > KEY_TEXT_SIZE - 4)
		return KEY_MALFORMED;
	memcpy(padded, text, size);
	memcpy(padded + size, "===", 4);
	padded[size + (size_t)padding] = '\0';
	swap(padded, '-', '+');
	swap(padded, '_', '/');
	packed_size = EVP_DecodeBlock(packed, (const unsigned char *)padded,
			  (int)strlen(padded)) -
		      padding;
	if (packed_size < HEAD_SIZE || packed_size > PACKED_SIZE)
		return KEY_MALFORMED;
	key->time_ns = unpack(packed);
	key->index = unpack(packed + 8);
	memcpy(key->id, packed + HEAD_SIZE, (size_t)packed_size - HEAD_SIZE);
	key->id[packed_size - HEAD_SIZE] = '\0';
	return KEY_OK;
}

static enum key_status
parse_uid(struct page_key *key, const char *text,
    const struct catalogue *catalogue, const struct range *window)
{
	struct event event;

	if (!catalogue_find(catalogue, text, &event) ||
	    event.time_ns < window->from_ns || event.time_ns > window->to_ns ||
	    strlen(event.id) >= sizeof key->id)
		return KEY_UNKNOWN;
	key->time_ns = event.time_ns;
	key->index = event.index;
	snprintf(key->id, sizeof key->id, "%s", event.id);
	return KEY_OK;
}

void
page_key_print(char text[KEY_TEXT_SIZE], enum key_style style,
    const struct position *position)
{
	text[0] = '\0';
	if (style == KEY_POSITION)
		print_position(text, position);
	else if (position->id)
		strncat(text, position->id, KEY_ID_SIZE);
}

enum key_status
page_key_parse(struct page_key *key, enum key_style style, const char *text,
    const struct catalogue *catalogue, const struct range *window)
{
	if (style == KEY_POSITION)
		return parse_position(key, text);
	return parse_uid(key, text, catalogue, window);
}
