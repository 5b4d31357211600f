// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.plugins;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.osgi.framework.Bundle;
import org.osgi.framework.Constants;
import org.osgi.framework.namespace.ExecutionEnvironmentNamespace;
import org.osgi.framework.namespace.PackageNamespace;
import org.osgi.framework.wiring.BundleCapability;
import org.osgi.framework.wiring.BundleRequirement;
import org.osgi.framework.wiring.BundleRevision;

/** Says in words why a bundle does not resolve: which of its requirements nobody meets. */
final class Unresolved {
    private static final Pattern VERSION = Pattern.compile("\\((!?)\\(?version(>=|<=)([^)]+)\\)");
    private static final Pattern SINGLE = Pattern.compile("\\(([\\w.-]+)=([^)*]+)\\)");

    private final List<Bundle> bundles;

    Unresolved(List<Bundle> bundles) {
        this.bundles = bundles;
    }

    List<String> reasons(Bundle bundle) {
        BundleRevision revision = bundle.adapt(BundleRevision.class);
        if (revision == null) {
            return List.of();
        }
        Set<String> reasons = new LinkedHashSet<>();
        Set<String> waits = new LinkedHashSet<>();
        for (BundleRequirement requirement : revision.getDeclaredRequirements(null)) {
            String resolution = requirement.getDirectives().get(Constants.RESOLUTION_DIRECTIVE);
            String effective = requirement.getDirectives().get(Constants.EFFECTIVE_DIRECTIVE);
            if (Constants.RESOLUTION_OPTIONAL.equals(resolution)
                    || PackageNamespace.RESOLUTION_DYNAMIC.equals(resolution)
                    || effective != null && !effective.equals(Constants.EFFECTIVE_RESOLVE)) {
                continue;
            }
            List<Bundle> offering = offering(requirement);
            if (offering.isEmpty()) {
                reasons.add(words(requirement));
            } else if (offering.stream().noneMatch(each -> each == bundle || each.getState() != Bundle.INSTALLED)) {
                waits.add("needs " + what(requirement) + " of " + offering.get(0).getSymbolicName()
                        + ", which does not resolve itself");
            }
        }
        reasons.addAll(waits);
        if (reasons.isEmpty()) {
            // All that it wants is there: then it was refused, or two of its packages contradict each other.
            reasons.add("all that it needs is there, and yet it was not resolved: it was refused, or what it needs"
                    + " contradicts itself; look for why in what hpt logged");
        }
        return List.copyOf(reasons);
    }

    private List<Bundle> offering(BundleRequirement requirement) {
        List<Bundle> offering = new ArrayList<>();
        for (Bundle bundle : bundles) {
            if (capabilities(bundle, requirement.getNamespace()).stream().anyMatch(requirement::matches)) {
                offering.add(bundle);
            }
        }
        return offering;
    }

    private static List<BundleCapability> capabilities(Bundle bundle, String namespace) {
        BundleRevision revision = bundle.adapt(BundleRevision.class);
        return revision == null ? List.of() : revision.getDeclaredCapabilities(namespace);
    }

    private String words(BundleRequirement requirement) {
        String filter = requirement.getDirectives().getOrDefault(Constants.FILTER_DIRECTIVE, "");
        if (requirement.getNamespace().equals(ExecutionEnvironmentNamespace.EXECUTION_ENVIRONMENT_NAMESPACE)) {
            return "needs " + java(filter) + ": this is Java " + Runtime.version().feature();
        }
        String there = there(requirement.getNamespace(), value(filter, requirement.getNamespace()));
        return "needs " + what(requirement) + (there.isEmpty() ? ", which no bundle has" : ", but there is only " + there);
    }

    /** A package, a bundle, or whatever else it is. */
    private static String what(BundleRequirement requirement) {
        String filter = requirement.getDirectives().getOrDefault(Constants.FILTER_DIRECTIVE, "");
        String kind = switch (requirement.getNamespace()) {
            case PackageNamespace.PACKAGE_NAMESPACE -> "the package ";
            case "osgi.wiring.bundle", "osgi.wiring.host" -> "the bundle ";
            default -> requirement.getNamespace() + " ";
        };
        String name = value(filter, requirement.getNamespace());
        return kind + (name.isEmpty() ? filter : name) + version(filter);
    }

    /** In which other versions there is what is wanted. */
    private String there(String namespace, String name) {
        Set<String> versions = new LinkedHashSet<>();
        for (Bundle bundle : bundles) {
            for (BundleCapability capability : capabilities(bundle, namespace)) {
                if (!name.isEmpty() && name.equals(capability.getAttributes().get(namespace))) {
                    Object version = capability.getAttributes().get(namespace.equals(PackageNamespace.PACKAGE_NAMESPACE)
                            ? Constants.VERSION_ATTRIBUTE : Constants.BUNDLE_VERSION_ATTRIBUTE);
                    versions.add((version == null ? "one without a version" : version.toString()) + " of "
                            + (bundle.getBundleId() == 0 ? "the framework" : bundle.getSymbolicName()));
                }
            }
        }
        return String.join(", ", versions);
    }

    private static String value(String filter, String attribute) {
        Matcher matcher = SINGLE.matcher(filter);
        while (matcher.find()) {
            if (matcher.group(1).equals(attribute)) {
                return matcher.group(2);
            }
        }
        return "";
    }

    /** A filter's bounds as a range is written: (&(version>=1.0.0)(!(version>=2.0.0))) is [1.0.0,2.0.0). */
    private static String version(String filter) {
        String low = "";
        String high = "";
        Matcher matcher = VERSION.matcher(filter.replace("bundle-version", "version"));
        while (matcher.find()) {
            boolean not = !matcher.group(1).isEmpty();
            if (matcher.group(2).equals(">=")) {
                low = not ? low : "[" + matcher.group(3);
                high = not ? matcher.group(3) + ")" : high;
            } else {
                low = not ? "(" + matcher.group(3) : low;
                high = not ? high : matcher.group(3) + "]";
            }
        }
        if (high.isEmpty()) {
            return low.isEmpty() || low.equals("[0.0.0") ? "" : " " + low.substring(1) + " or newer";
        }
        return " " + (low.isEmpty() ? "[0.0.0" : low) + "," + high;
    }

    private static String java(String filter) {
        Matcher version = Pattern.compile("version=([\\d.]+)").matcher(filter);
        return version.find() ? "Java " + version.group(1) : "another Java (" + filter + ")";
    }
}
