// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.btf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The types of a kernel in the BPF Type Format (Documentation/bpf/btf.rst; include/uapi/linux/btf.h): a header, a list
 * of types that refer to each other by number, and the strings that name them.
 *
 * <p>Opening checks every type's place and length, every reference and every name's place once; reading cannot leave
 * the blob after that. References may still form a circle, so that whoever follows them counts.
 */
public final class Btf {
    /** struct btf_type.info's kinds. */
    enum Kind {
        VOID, INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FUNC_PROTO, VAR,
        DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64;

        static final Kind[] ALL = values();
    }

    /** Bytes {@code 9f eb 01}: the magic number and the version. */
    public static final int MAGIC = 0xeb9f;
    /** Vmlinux BTF takes 2 to 10 MiB; what claims more than this is damaged. */
    public static final int MAX_BYTES = 64 << 20;
    public static final int HEADER = 24;

    private static final int VERSION = 1;
    /** More than header versions may add. */
    private static final int MAX_HEADER = 4096;
    private static final int MAX_NAME = 1024;

    private final ByteBuffer bytes;
    private final int strings;
    private final int stringsLength;
    /** Where type i + 1 begins. */
    private final int[] types;
    private final int pointerSize;

    private Btf(ByteBuffer bytes, int strings, int stringsLength, int[] types) throws BtfException {
        this.bytes = bytes;
        this.strings = strings;
        this.stringsLength = stringsLength;
        this.types = types;
        for (int id = 1; id <= types.length; id++) {
            checkReferences(id);
        }
        this.pointerSize = findPointerSize();
    }

    /**
     * How many bytes the blob has that begins with this header.
     *
     * @param header at least {@link #HEADER} bytes
     * @return -1 when it is not the header of a BTF blob
     */
    public static long lengthOf(ByteBuffer header) {
        ByteBuffer b = header.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        long headerLength = b.getInt(4) & 0xffffffffL;
        if ((b.getShort(0) & 0xffff) != MAGIC || b.get(2) != VERSION || headerLength < HEADER
                || headerLength > MAX_HEADER) {
            return -1;
        }
        long typesEnd = (b.getInt(8) & 0xffffffffL) + (b.getInt(12) & 0xffffffffL);
        long stringsEnd = (b.getInt(16) & 0xffffffffL) + (b.getInt(20) & 0xffffffffL);
        long length = headerLength + Math.max(typesEnd, stringsEnd);
        return length > MAX_BYTES ? -1 : length;
    }

    /**
     * Opens a blob and checks it whole.
     *
     * @throws BtfException when it is damaged, with where
     */
    public static Btf open(byte[] blob) throws BtfException {
        ByteBuffer b = ByteBuffer.wrap(blob).order(ByteOrder.LITTLE_ENDIAN);
        if (blob.length < HEADER) {
            throw new BtfException("shorter than a BTF header");
        }
        long length = lengthOf(b);
        if (length < 0) {
            throw new BtfException("not the header of a BTF blob");
        }
        if (length > blob.length) {
            throw new BtfException("the BTF header tells of " + length + " bytes, and there are " + blob.length);
        }
        int header = b.getInt(4);
        int typesFrom = header + b.getInt(8);
        int typesLength = b.getInt(12);
        int stringsFrom = header + b.getInt(16);
        int stringsLength = b.getInt(20);
        if (stringsLength < 1 || b.get(stringsFrom) != 0 || b.get(stringsFrom + stringsLength - 1) != 0) {
            throw new BtfException("the BTF strings do not begin and end with NUL");
        }
        return new Btf(b, stringsFrom, stringsLength, index(b, typesFrom, typesLength));
    }

    private static int[] index(ByteBuffer b, int from, int length) throws BtfException {
        int end = from + length;
        // A type takes 12 bytes at least: what is allocated is less than what is there.
        int[] types = new int[Math.max(16, length / 24)];
        int count = 0;
        int at = from;
        while (at < end) {
            if (end - at < 12) {
                throw new BtfException("BTF type " + (count + 1) + " goes beyond its section");
            }
            int info = b.getInt(at + 4);
            int kind = info >>> 24 & 0x1f;
            if (kind == 0 || kind >= Kind.ALL.length) {
                throw new BtfException("BTF type " + (count + 1) + " is of the unknown kind " + kind);
            }
            if (count == types.length) {
                types = Arrays.copyOf(types, count * 2);
            }
            types[count++] = at;
            long next = at + 12L + extra(Kind.ALL[kind], info & 0xffff);
            if (next > end) {
                throw new BtfException("BTF type " + count + " goes beyond its section");
            }
            at = (int) next;
        }
        return Arrays.copyOf(types, count);
    }

    /** Bytes after a type's three words. */
    private static int extra(Kind kind, int length) {
        return switch (kind) {
            case INT, VAR, DECL_TAG -> 4;
            case ARRAY -> 12;
            case STRUCT, UNION, DATASEC, ENUM64 -> 12 * length;
            case ENUM, FUNC_PROTO -> 8 * length;
            default -> 0;
        };
    }

    private void checkReferences(int id) throws BtfException {
        int at = types[id - 1];
        Kind kind = kind(id);
        boolean good = isString(bytes.getInt(at));
        int length = length(id);
        switch (kind) {
            case PTR, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, VAR, DECL_TAG, TYPE_TAG -> good &= isType(at + 8);
            case ARRAY -> good &= isType(at + 12) && isType(at + 16);
            case STRUCT, UNION -> {
                for (int i = 0; i < length; i++) {
                    int member = at + 12 + 12 * i;
                    good &= isString(bytes.getInt(member)) && isType(member + 4);
                }
            }
            case FUNC_PROTO -> {
                good &= isType(at + 8);
                for (int i = 0; i < length; i++) {
                    good &= isString(bytes.getInt(at + 12 + 8 * i)) && isType(at + 16 + 8 * i);
                }
            }
            case ENUM, ENUM64 -> {
                for (int i = 0; i < length; i++) {
                    good &= isString(bytes.getInt(at + 12 + (kind == Kind.ENUM ? 8 : 12) * i));
                }
            }
            default -> {
                // The other kinds refer to nothing.
            }
        }
        if (!good) {
            throw new BtfException("BTF type " + id + " refers to a type or name that is not there");
        }
    }

    private boolean isType(int at) {
        int id = bytes.getInt(at);
        return id >= 0 && id <= types.length;
    }

    private boolean isString(int offset) {
        return offset >= 0 && offset < stringsLength;
    }

    private int findPointerSize() {
        for (int id = 1; id <= types.length; id++) {
            if (kind(id) == Kind.INT) {
                String name = name(id);
                if (name.equals("long unsigned int") || name.equals("unsigned long")) {
                    return size(id) == 4 ? 4 : 8;
                }
            }
        }
        return 8;
    }

    /** Number of types; they are numbered from 1, and 0 is void. */
    public int count() {
        return types.length;
    }

    /** Size of a pointer in the kernel described, in bytes: that of its {@code unsigned long}. */
    public int pointerSize() {
        return pointerSize;
    }

    Kind kind(int id) {
        return id == 0 ? Kind.VOID : Kind.ALL[info(id) >>> 24 & 0x1f];
    }

    private int info(int id) {
        return bytes.getInt(types[id - 1] + 4);
    }

    /** Number of members, enumerators or parameters. */
    int length(int id) {
        return info(id) & 0xffff;
    }

    /** Whether members' offsets hold bit field sizes; of FWD: whether it is a union; of ENUM: whether it is signed. */
    boolean flag(int id) {
        return info(id) < 0;
    }

    String name(int id) {
        return id == 0 ? "void" : string(bytes.getInt(types[id - 1]));
    }

    boolean hasName(int id) {
        return id != 0 && bytes.get(strings + bytes.getInt(types[id - 1])) != 0;
    }

    /** Size in bytes of INT, STRUCT, UNION, ENUM, FLOAT. */
    int size(int id) {
        return bytes.getInt(types[id - 1] + 8);
    }

    /** What PTR, TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG, FUNC and FUNC_PROTO lead to. */
    int target(int id) {
        return bytes.getInt(types[id - 1] + 8);
    }

    int elementType(int array) {
        return bytes.getInt(types[array - 1] + 12);
    }

    int elements(int array) {
        return bytes.getInt(types[array - 1] + 20);
    }

    String memberName(int struct, int index) {
        return string(bytes.getInt(member(struct, index)));
    }

    int memberType(int struct, int index) {
        return bytes.getInt(member(struct, index) + 4);
    }

    /** In bits, from the structure's start. */
    int memberBit(int struct, int index) {
        int offset = bytes.getInt(member(struct, index) + 8);
        return flag(struct) ? offset & 0xffffff : offset;
    }

    /** In bits, 0 for a member that is no bit field. */
    int memberBits(int struct, int index) {
        return flag(struct) ? bytes.getInt(member(struct, index) + 8) >>> 24 : 0;
    }

    private int member(int struct, int index) {
        return types[struct - 1] + 12 + 12 * index;
    }

    int parameterType(int prototype, int index) {
        return bytes.getInt(types[prototype - 1] + 16 + 8 * index);
    }

    String enumeratorName(int id, int index) {
        return string(bytes.getInt(enumerator(id, index)));
    }

    long enumeratorValue(int id, int index) {
        int at = enumerator(id, index);
        if (kind(id) == Kind.ENUM64) {
            return bytes.getInt(at + 4) & 0xffffffffL | (long) bytes.getInt(at + 8) << 32;
        }
        // Without the flag, which kernels before 6.0 never set, a value may still be a negative one: C's rule for int.
        return bytes.getInt(at + 4);
    }

    private int enumerator(int id, int index) {
        return types[id - 1] + 12 + (kind(id) == Kind.ENUM ? 8 : 12) * index;
    }

    /** Whether a type's name is this. */
    boolean isNamed(int id, byte[] name) {
        int at = strings + bytes.getInt(types[id - 1]);
        if (strings + stringsLength - at <= name.length || bytes.get(at + name.length) != 0) {
            return false;
        }
        for (int i = 0; i < name.length; i++) {
            if (bytes.get(at + i) != name[i]) {
                return false;
            }
        }
        return true;
    }

    /** Where a type's name lies among the strings: equal names of one blob mostly share their place. */
    int nameHash(int id) {
        int at = strings + bytes.getInt(types[id - 1]);
        int hash = 0;
        for (byte b = bytes.get(at); b != 0; b = bytes.get(++at)) {
            hash = hash * 31 + b;
        }
        return hash;
    }

    private String string(int offset) {
        int from = strings + offset;
        int to = from;
        while (to - from < MAX_NAME && bytes.get(to) != 0) {
            to++;
        }
        return new String(bytes.array(), from, to - from, StandardCharsets.UTF_8);
    }
}
