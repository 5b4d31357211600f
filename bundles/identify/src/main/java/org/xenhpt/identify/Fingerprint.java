// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Knows again the bytes of a kernel image that a profile was made of, in a guest that may be out to be taken for
 * another.
 *
 * <p>It is a keyed universal hash (NH, as in UMAC of RFC 4418, of each KiB, joined by a polynomial modulo 2^61 - 1). A
 * guest that does not know the key, which is made anew for each profile and stays on the host, can do no better than
 * guess: one guest in about 2^32. A cryptographic hash would not need the secret, and takes several times as long.
 *
 * <p>Written {@code KEY SUM ADDRESS+LENGTH...}, hexadecimal; the addresses are link addresses.
 */
final class Fingerprint {
    private static final Pattern TEXT = Pattern.compile(
            "([0-9a-f]{1,16}) ([0-9a-f]{1,16})((?: [0-9a-f]{1,16}\\+[0-9a-f]{1,8}){1,16})");
    /** More than BTF and kallsyms of any kernel together. */
    private static final long MOST_BYTES = 96L << 20;
    private static final int BLOCK = 1024;
    private static final int CHUNK = 64 * BLOCK;
    private static final long PRIME = (1L << 61) - 1;
    private static final long LOW = 0xffffffffL;

    private Fingerprint() {
    }

    /** The fingerprint of these bytes; empty when some of them cannot be read. */
    static Optional<String> of(KernelImage image, List<Span> spans, long kaslrOffset) {
        long key = new SecureRandom().nextLong();
        OptionalLong sum = sum(image, spans, key);
        if (sum.isEmpty()) {
            return Optional.empty();
        }
        StringBuilder text = new StringBuilder(Long.toHexString(key)).append(' ')
                .append(Long.toHexString(sum.getAsLong()));
        long mask = image.space().pointerSize() == 4 ? LOW : -1;
        for (Span span : spans) {
            text.append(' ').append(Long.toHexString(span.gva() - kaslrOffset & mask)).append('+')
                    .append(Long.toHexString(span.length()));
        }
        return TEXT.matcher(text).matches() ? Optional.of(text.toString()) : Optional.empty();
    }

    /** Whether the same bytes are at the same places of this image. */
    static boolean matches(String text, KernelImage image, long kaslrOffset) {
        Matcher matcher = TEXT.matcher(text);
        if (!matcher.matches()) {
            return false;
        }
        long mask = image.space().pointerSize() == 4 ? LOW : -1;
        List<Span> spans = new ArrayList<>();
        for (String span : matcher.group(3).strip().split(" ")) {
            int plus = span.indexOf('+');
            spans.add(new Span(Long.parseUnsignedLong(span.substring(0, plus), 16) + kaslrOffset & mask,
                    Long.parseUnsignedLong(span.substring(plus + 1), 16)));
        }
        OptionalLong sum = sum(image, spans, Long.parseUnsignedLong(matcher.group(1), 16));
        return sum.isPresent() && sum.getAsLong() == Long.parseUnsignedLong(matcher.group(2), 16);
    }

    private static OptionalLong sum(KernelImage image, List<Span> spans, long key) {
        long all = spans.stream().mapToLong(Span::length).sum();
        if (all <= 0 || all > MOST_BYTES
                || spans.stream().anyMatch(span -> !image.contains(span.gva(), span.length()))) {
            return OptionalLong.empty();
        }
        SplittableRandom random = new SplittableRandom(key);
        long[] keys = random.longs(BLOCK / 8).toArray();
        long point = (random.nextLong() >>> 3) % PRIME;
        byte[] bytes = new byte[CHUNK];
        ByteBuffer words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        long sum = 0;
        for (Span span : spans) {
            sum = times(sum + span.length(), point);
            for (long done = 0; done < span.length(); done += CHUNK) {
                int length = (int) Math.min(CHUNK, span.length() - done);
                if (!image.read(span.gva() + done, bytes, length)) {
                    return OptionalLong.empty();
                }
                // The length is part of the sum, so that filling up with zeros makes nothing alike.
                int padded = length + BLOCK - 1 & -BLOCK;
                java.util.Arrays.fill(bytes, length, padded, (byte) 0);
                for (int block = 0; block < padded; block += BLOCK) {
                    sum = times(sum + fold(block(words, block, keys)), point);
                }
            }
        }
        return OptionalLong.of(sum);
    }

    private static long block(ByteBuffer words, int from, long[] keys) {
        long sum = 0;
        for (int i = 0; i < keys.length; i++) {
            long word = words.getLong(from + 8 * i);
            long key = keys[i];
            sum += (word + key & LOW) * ((word >>> 32) + (key >>> 32) & LOW);
        }
        return sum;
    }

    private static long fold(long value) {
        return (value & PRIME) + (value >>> 61);
    }

    /** The product modulo {@link #PRIME}, of a factor below 2^63 and one below the prime. */
    private static long times(long a, long b) {
        long factor = fold(a);
        long high = Math.multiplyHigh(factor, b);
        long low = factor * b;
        long reduced = fold((low & PRIME) + (high << 3 | low >>> 61));
        return reduced >= PRIME ? reduced - PRIME : reduced;
    }
}
