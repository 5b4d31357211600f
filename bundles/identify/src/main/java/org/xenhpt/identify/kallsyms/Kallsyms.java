// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.kallsyms;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.identify.KernelImage;
import org.xenhpt.identify.Span;

/** The symbol table that a kernel carries in its image. {@link KallsymsFinder} finds it. */
public final class Kallsyms {
    private final KernelImage image;
    private final NameTable names;
    private final AddressTable addresses;
    private final String how;

    Kallsyms(KernelImage image, NameTable names, AddressTable addresses, String how) {
        this.image = image;
        this.names = names;
        this.addresses = addresses;
        this.how = how;
    }

    /**
     * Finds the symbol table of a kernel.
     *
     * @param known GVAs of symbols known from elsewhere: those of the table itself say where it is, the others decide
     *              whether it is read rightly
     * @param tried gets what was tried in vain
     */
    public static Optional<Kallsyms> find(KernelImage image, Map<String, Long> known, Collection<String> tried) {
        return new KallsymsFinder(image, known, tried).find();
    }

    /** Number of symbols. */
    public int size() {
        return names.count();
    }

    /** Where it was found, and how its addresses are written. */
    public String how() {
        return how + ", " + names.count() + " symbols, addresses " + addresses.encoding().label();
    }

    /**
     * The bytes that all it says rests on, as long as KASLR does not change them; empty where it does: what it says is
     * then to be read anew from each guest.
     */
    public List<Span> spans() {
        if (addresses.encoding() == AddressTable.Encoding.ABSOLUTE) {
            return List.of();
        }
        List<Span> spans = new ArrayList<>(names.spans());
        spans.add(new Span(addresses.table(), (long) names.count() * addresses.entrySize(image)));
        return spans;
    }

    private Map<String, Long> all() {
        Map<String, Long> found = new HashMap<>();
        Set<String> global = new HashSet<>();
        names.forEach((index, isGlobal, name) -> {
            if (!found.containsKey(name) || isGlobal && !global.contains(name)) {
                try {
                    found.put(name, addresses.address(image, index));
                } catch (MemoryFault gone) {
                    return;
                }
            }
            if (isGlobal) {
                global.add(name);
            }
        });
        return found;
    }

    /**
     * The addresses of symbols: GVAs as they are in the guest, moved by KASLR; offsets for per-CPU symbols linked at 0.
     *
     * @param wanted names, or {@code *} for all
     * @return those of the wanted that are listed
     */
    public Map<String, Long> lookUp(Collection<String> wanted) {
        if (wanted.contains("*")) {
            return all();
        }
        String[] list = List.copyOf(wanted).toArray(String[]::new);
        int[] indexes = names.indexesOf(list);
        Map<String, Long> found = new HashMap<>();
        for (int i = 0; i < list.length; i++) {
            if (indexes[i] >= 0) {
                try {
                    found.put(list[i], addresses.address(image, indexes[i]));
                } catch (MemoryFault gone) {
                    // A table with a hole: what it says of others still holds.
                    continue;
                }
            }
        }
        return found;
    }
}
