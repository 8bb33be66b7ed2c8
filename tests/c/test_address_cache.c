/*
 * Every address mode gives the address that section 5.3 describes, after any history.
 */
#include "check.h"
#include "instruction_reader.h"

enum { NEAR = 4, SAME = 3 };

/* Reads one COPY address of 'mode' at 'here' from the bytes of 'section'. */
static enum vcd_result read(struct vcd_instruction_reader *reader, uint64_t here, unsigned mode,
                            const uint8_t *section, size_t size, uint64_t *address_out) {
    struct vcd_where where;
    reader->here = here;
    reader->addresses = vcd_cursor_over(section, size);
    return vcd_read_address(reader, NEAR, SAME, mode, address_out, &where);
}

#define READ(here, mode, ...)                                                                      \
    read(&reader, here, mode, (const uint8_t[]){__VA_ARGS__},                                      \
         sizeof((const uint8_t[]){__VA_ARGS__}), &address)

int main(void) {
    uint64_t near[NEAR];
    uint64_t same[SAME * 256];
    memset(near, 0xEE, sizeof near);
    memset(same, 0xEE, sizeof same);
    const struct vcd_window window = {0};
    const struct vcd_sections sections = {0};
    struct vcd_instruction_reader reader =
        vcd_instruction_reader_over(&window, &sections, near, NEAR, same, SAME);
    uint64_t address = 0;

    /* A fresh cache is all zeros. */
    CHECK_EQUAL(VCD_OK, READ(10, VCD_MODE_NEAR + 3, 7));
    CHECK_EQUAL(7, address);

    CHECK_EQUAL(VCD_OK, READ(1000, VCD_MODE_SELF, 0x87, 0x67)); /* 7 * 128 + 103 */
    CHECK_EQUAL(999, address);
    CHECK_EQUAL(VCD_OK, READ(1000, VCD_MODE_HERE, 1));
    CHECK_EQUAL(999, address);
    CHECK_EQUAL(VCD_OK, READ(1000, VCD_MODE_HERE, 0x87, 0x68));
    CHECK_EQUAL(0, address);

    /* NEAR is a ring: by now 7, 999, 999, 0; the next address takes the place of 7. */
    CHECK_EQUAL(VCD_OK, READ(2000, VCD_MODE_NEAR + 1, 2));
    CHECK_EQUAL(1001, address);
    CHECK_EQUAL(1001, near[0]);
    CHECK_EQUAL(VCD_OK, READ(2000, VCD_MODE_NEAR + 0, 5));
    CHECK_EQUAL(1006, address);
    CHECK_EQUAL(1006, near[1]);

    /* SAME: 1006 = 768 + 238, 999 = 768 + 231, 256 * 1 + 4 = 260 is empty. */
    const unsigned same_mode = VCD_MODE_NEAR + NEAR;
    CHECK_EQUAL(VCD_OK, READ(2000, same_mode + 0, 238));
    CHECK_EQUAL(1006, address);
    CHECK_EQUAL(VCD_OK, READ(2000, same_mode + 0, 231));
    CHECK_EQUAL(999, address);
    CHECK_EQUAL(VCD_OK, READ(2000, same_mode + 1, 4));
    CHECK_EQUAL(0, address);
    CHECK_EQUAL(VCD_OK, READ(5000, VCD_MODE_SELF, 0xA3, 0x04)); /* 35 * 128 + 4 = 4484 */
    CHECK_EQUAL(4484, address);                                 /* 5 * 768 + 2 * 256 + 132 */
    CHECK_EQUAL(VCD_OK, READ(5000, same_mode + 2, 132));
    CHECK_EQUAL(4484, address);

    /* Not before here, in each mode. */
    CHECK_EQUAL(VCD_MALFORMED, READ(10, VCD_MODE_SELF, 10));
    CHECK_EQUAL(VCD_MALFORMED, READ(10, VCD_MODE_HERE, 0));
    CHECK_EQUAL(VCD_MALFORMED, READ(10, VCD_MODE_HERE, 11));
    CHECK_EQUAL(VCD_MALFORMED, READ(4484, VCD_MODE_NEAR + 1, 0x80, 0xA3, 0x04));
    CHECK_EQUAL(VCD_MALFORMED, READ(4484, same_mode + 2, 132));
    CHECK_EQUAL(VCD_MALFORMED, READ(0, VCD_MODE_SELF, 0));
    /* NEAR and 2^64 - 1 add up past 64 bits. */
    CHECK_EQUAL(VCD_MALFORMED, READ(5000, VCD_MODE_NEAR + 1, 0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                    0xFF, 0xFF, 0xFF, 0x7F));
    /* The section ends too early. */
    CHECK_EQUAL(VCD_MALFORMED, READ(5000, VCD_MODE_SELF, 0x81));
    CHECK_EQUAL(VCD_MALFORMED, read(&reader, 5000, VCD_MODE_HERE, NULL, 0, &address));
    CHECK_EQUAL(VCD_MALFORMED, read(&reader, 5000, same_mode, NULL, 0, &address));
    return 0;
}
