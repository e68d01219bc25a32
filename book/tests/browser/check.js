// What a reader would notice about a page: runs in it, and gives plain data.
(() => {
    const problems = [];
    const root = document.documentElement;

    // The page itself does not scroll to the side.
    if (root.scrollWidth > root.clientWidth) {
        problems.push(`scrolls to the side: ${root.scrollWidth} > ${root.clientWidth}`);
        for (const element of document.querySelectorAll("main *")) {
            const scrolls = element.closest("pre, .table-wrapper");
            const { right } = element.getBoundingClientRect();
            if (right > root.clientWidth + 1 && !scrolls) {
                problems.push(`too wide: <${element.localName}> ${element.textContent.slice(0, 40)}`);
                break;
            }
        }
    }

    // What is cut off cannot be read: only code and tables may scroll themselves.
    for (const element of document.querySelectorAll("main p, main li, main h1, main h2, main h3, main figure")) {
        const { right } = element.getBoundingClientRect();
        if (right > root.clientWidth + 1) {
            problems.push(`cut off: <${element.localName}> ${element.textContent.slice(0, 40)}`);
        }
    }

    // The dialect is highlighted.
    let dialect = 0;
    for (const code of document.querySelectorAll("main pre > code.language-ebpf, main pre > code.language-bpf")) {
        dialect += 1;
        if (!code.querySelector(".hljs-variable, .hljs-keyword, .hljs-meta")) {
            problems.push(`not highlighted: ${code.textContent.slice(0, 60)}`);
        }
    }

    for (const code of document.querySelectorAll("main pre > code.language-rust")) {
        if (/\bebpf(_asm)?! *\{/.test(code.textContent)) {
            problems.push(`a block of eBPF taken for Rust: ${code.textContent.slice(0, 60)}`);
        }
    }

    // Text can be told from what is behind it.
    const channels = (color) => (color.match(/[\d.]+/g) || []).map(Number);
    const luminance = ([r, g, b]) => {
        const linear = (value) => {
            const part = value / 255;
            return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        };
        return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    };
    const background = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = channels(getComputedStyle(at).backgroundColor);
            if (color.length === 3 || color[3] === 1) {
                return color;
            }
        }
        return [255, 255, 255];
    };
    const seen = new Set();
    for (const element of document.querySelectorAll("main p, main td, main h1, main h2, main pre code, main pre span, main svg.picture text")) {
        const style = getComputedStyle(element);
        const svg = element.localName === "text";
        const front = channels(svg ? style.fill : style.color);
        const back = background(element);
        const key = `${element.localName}.${element.getAttribute("class")} ${front} on ${back}`;
        if (seen.has(key) || front.length < 3) {
            continue;
        }
        seen.add(key);
        const [low, high] = [luminance(front), luminance(back)].sort((a, b) => a - b);
        const contrast = (high + 0.05) / (low + 0.05);
        if (contrast < LEAST_CONTRAST) {
            problems.push(`hard to read: ${key}, contrast ${contrast.toFixed(1)}`);
        }
    }

    // Pictures say what they show.
    for (const picture of document.querySelectorAll("main svg.picture, main img")) {
        const named = (picture.getAttribute("aria-labelledby") || "").split(" ")
            .map((id) => id && document.getElementById(id)?.textContent);
        const words = [picture.getAttribute("aria-label"), picture.getAttribute("alt"), ...named];
        if (!words.some((text) => text)) {
            problems.push("a picture without words");
        }
    }

    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    for (const [at, id] of ids.entries()) {
        if (ids.indexOf(id) !== at) {
            problems.push(`an id twice: ${id}`);
        }
    }
    return {
        problems,
        dialect,
        ids,
        pictures: document.querySelectorAll("main svg.picture").length,
        theme: root.className,
        links: [...document.querySelectorAll("a[href]")].map((link) => link.href),
    };
})()
