"""Files stay small: median 250 lines, nine in ten under 500, none over 1000."""

import tree


def quantile(sizes, share):
    return sizes[min(len(sizes) - 1, int(share * len(sizes)))]


rows, every = {}, []
for path in tree.files(suffixes=tree.sources):
    entry = (len(tree.lines(path)), path)
    rows.setdefault(path.suffix, []).append(entry)
    every.append(entry)
every.sort()
rows["all"] = every

print("kind    files  median     p90     max  largest")
for kind, entries in rows.items():
    entries.sort()
    sizes = [size for size, _ in entries]
    print(f"{kind:7} {len(sizes):5} {quantile(sizes, .5):7} {quantile(sizes, .9):7} "
          f"{sizes[-1]:7}  {entries[-1][1]}")

sizes = [size for size, _ in every]
problems = [f"{path}: {size} lines, expects at most 1000"
            for size, path in every if size > 1000]
if quantile(sizes, .5) > 250:
    problems.append(f"the median is {quantile(sizes, .5)} lines, expects at most 250")
if quantile(sizes, .9) >= 500:
    problems.append(f"one file in ten has {quantile(sizes, .9)} lines or more, "
                    "expects under 500")
tree.finish(problems, "split by family or category, and turn if-chains into tables.")
