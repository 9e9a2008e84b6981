/* The scanner as it is built for machines without SSE2. */
#define SCAN_PORTABLE
#include "tp-hec/scan.c" // NOLINT(bugprone-suspicious-include)

/* Behind it, for cmocka has a macro fail(). */
#include "tests/unit/tp-hec/test_scan.c" // NOLINT(bugprone-suspicious-include)
