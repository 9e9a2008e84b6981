/* Any bytes as an identity file: a usable identity, or words for why not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tp-fetch/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	char why[512] = "";
	struct identity *identity =
	    identity_parse("file", bytes, len_bytes, why);

	if (identity == NULL ? strncmp(why, "file: ", 6) != 0
			     : identity->context == NULL)
		abort();
	identity_free(identity);
	return 0;
}
