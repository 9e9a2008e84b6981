/* Any bytes as an acknowledgement line: no crash, and no word not given. */
#include <stdlib.h>
#include <string.h>

#include "tp-cursor/ack_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	const char *text = (const char *)bytes;
	struct ack_line ack = ack_line_parse(text, len_bytes);

	if (ack.kind == ACK_BAD || ack.kind == ACK_COMMENT)
		return 0;
	if (ack.line < 0 || len_bytes > ACK_LINE_MAX_BYTES ||
	    (ack.kind != ACK_UP_TO && ack.uid[0] != '\0'))
		abort();
	if (ack.uid[0] != '\0' &&
	    memmem(text, len_bytes, ack.uid, strlen(ack.uid)) == NULL)
		abort();
	if (ack.text != NULL &&
	    (ack.text < text ||
		ack.text + ack.text_len_bytes > text + len_bytes))
		abort();
	return 0;
}
