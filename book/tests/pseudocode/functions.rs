//! Written from the pseudo-code: BOOK_UPDATE=1 cargo test -p book-listings --test pseudocode

/// Rows of the instruction table, and what the book says that they do.
pub(crate) const FUNCTIONS: &[(&str, fn(u64, u64, i32) -> u64)] = &[
    ("add32_imm", add32_imm),
    ("add32_reg", add32_reg),
    ("add64_imm", add64_imm),
    ("add64_reg", add64_reg),
    ("sub32_imm", sub32_imm),
    ("sub32_reg", sub32_reg),
    ("sub64_imm", sub64_imm),
    ("sub64_reg", sub64_reg),
    ("mul32_imm", mul32_imm),
    ("mul32_reg", mul32_reg),
    ("mul64_imm", mul64_imm),
    ("mul64_reg", mul64_reg),
    ("div32_imm", div32_imm),
    ("div32_reg", div32_reg),
    ("div64_imm", div64_imm),
    ("div64_reg", div64_reg),
    ("or32_imm", or32_imm),
    ("or32_reg", or32_reg),
    ("or64_imm", or64_imm),
    ("or64_reg", or64_reg),
    ("and32_imm", and32_imm),
    ("and32_reg", and32_reg),
    ("and64_imm", and64_imm),
    ("and64_reg", and64_reg),
    ("lsh32_imm", lsh32_imm),
    ("lsh32_reg", lsh32_reg),
    ("lsh64_imm", lsh64_imm),
    ("lsh64_reg", lsh64_reg),
    ("rsh32_imm", rsh32_imm),
    ("rsh32_reg", rsh32_reg),
    ("rsh64_imm", rsh64_imm),
    ("rsh64_reg", rsh64_reg),
    ("mod32_imm", mod32_imm),
    ("mod32_reg", mod32_reg),
    ("mod64_imm", mod64_imm),
    ("mod64_reg", mod64_reg),
    ("xor32_imm", xor32_imm),
    ("xor32_reg", xor32_reg),
    ("xor64_imm", xor64_imm),
    ("xor64_reg", xor64_reg),
    ("mov32_imm", mov32_imm),
    ("mov32_reg", mov32_reg),
    ("mov64_imm", mov64_imm),
    ("mov64_reg", mov64_reg),
    ("arsh32_imm", arsh32_imm),
    ("arsh32_reg", arsh32_reg),
    ("arsh64_imm", arsh64_imm),
    ("arsh64_reg", arsh64_reg),
    ("sdiv32_imm", sdiv32_imm),
    ("sdiv32_reg", sdiv32_reg),
    ("sdiv64_imm", sdiv64_imm),
    ("sdiv64_reg", sdiv64_reg),
    ("smod32_imm", smod32_imm),
    ("smod32_reg", smod32_reg),
    ("smod64_imm", smod64_imm),
    ("smod64_reg", smod64_reg),
    ("jeq32_imm", jeq32_imm),
    ("jeq32_reg", jeq32_reg),
    ("jeq_imm", jeq_imm),
    ("jeq_reg", jeq_reg),
    ("jgt32_imm", jgt32_imm),
    ("jgt32_reg", jgt32_reg),
    ("jgt_imm", jgt_imm),
    ("jgt_reg", jgt_reg),
    ("jge32_imm", jge32_imm),
    ("jge32_reg", jge32_reg),
    ("jge_imm", jge_imm),
    ("jge_reg", jge_reg),
    ("jset32_imm", jset32_imm),
    ("jset32_reg", jset32_reg),
    ("jset_imm", jset_imm),
    ("jset_reg", jset_reg),
    ("jne32_imm", jne32_imm),
    ("jne32_reg", jne32_reg),
    ("jne_imm", jne_imm),
    ("jne_reg", jne_reg),
    ("jsgt32_imm", jsgt32_imm),
    ("jsgt32_reg", jsgt32_reg),
    ("jsgt_imm", jsgt_imm),
    ("jsgt_reg", jsgt_reg),
    ("jsge32_imm", jsge32_imm),
    ("jsge32_reg", jsge32_reg),
    ("jsge_imm", jsge_imm),
    ("jsge_reg", jsge_reg),
    ("jlt32_imm", jlt32_imm),
    ("jlt32_reg", jlt32_reg),
    ("jlt_imm", jlt_imm),
    ("jlt_reg", jlt_reg),
    ("jle32_imm", jle32_imm),
    ("jle32_reg", jle32_reg),
    ("jle_imm", jle_imm),
    ("jle_reg", jle_reg),
    ("jslt32_imm", jslt32_imm),
    ("jslt32_reg", jslt32_reg),
    ("jslt_imm", jslt_imm),
    ("jslt_reg", jslt_reg),
    ("jsle32_imm", jsle32_imm),
    ("jsle32_reg", jsle32_reg),
    ("jsle_imm", jsle_imm),
    ("jsle_reg", jsle_reg),
    ("neg32", neg32),
    ("neg64", neg64),
    ("movsx8_32", movsx8_32),
    ("movsx16_32", movsx16_32),
    ("movsx8_64", movsx8_64),
    ("movsx16_64", movsx16_64),
    ("movsx32_64", movsx32_64),
    ("le16", le16),
    ("le32", le32),
    ("le64", le64),
    ("be16", be16),
    ("be32", be32),
    ("be64", be64),
    ("bswap16", bswap16),
    ("bswap32", bswap32),
    ("bswap64", bswap64),
];

fn add32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD.wrapping_add(imm);
    wD as u64
}

fn add32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD.wrapping_add(wS);
    wD as u64
}

fn add64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD.wrapping_add(imm);
    rD as u64
}

fn add64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD.wrapping_add(rS);
    rD as u64
}

fn sub32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD.wrapping_sub(imm);
    wD as u64
}

fn sub32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD.wrapping_sub(wS);
    wD as u64
}

fn sub64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD.wrapping_sub(imm);
    rD as u64
}

fn sub64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD.wrapping_sub(rS);
    rD as u64
}

fn mul32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD.wrapping_mul(imm);
    wD as u64
}

fn mul32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD.wrapping_mul(wS);
    wD as u64
}

fn mul64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD.wrapping_mul(imm);
    rD as u64
}

fn mul64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD.wrapping_mul(rS);
    rD as u64
}

fn div32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD / imm;
    wD as u64
}

fn div32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = if wS == 0 { 0 } else { wD / wS };
    wD as u64
}

fn div64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD / imm;
    rD as u64
}

fn div64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = if rS == 0 { 0 } else { rD / rS };
    rD as u64
}

fn or32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD | imm;
    wD as u64
}

fn or32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD | wS;
    wD as u64
}

fn or64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD | imm;
    rD as u64
}

fn or64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD | rS;
    rD as u64
}

fn and32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD & imm;
    wD as u64
}

fn and32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD & wS;
    wD as u64
}

fn and64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD & imm;
    rD as u64
}

fn and64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD & rS;
    rD as u64
}

fn lsh32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD << imm;
    wD as u64
}

fn lsh32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD << (wS & 31);
    wD as u64
}

fn lsh64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD << imm;
    rD as u64
}

fn lsh64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD << (rS & 63);
    rD as u64
}

fn rsh32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD >> imm;
    wD as u64
}

fn rsh32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD >> (wS & 31);
    wD as u64
}

fn rsh64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD >> imm;
    rD as u64
}

fn rsh64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD >> (rS & 63);
    rD as u64
}

fn mod32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD % imm;
    wD as u64
}

fn mod32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = if wS == 0 { wD } else { wD % wS };
    wD as u64
}

fn mod64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD % imm;
    rD as u64
}

fn mod64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = if rS == 0 { rD } else { rD % rS };
    rD as u64
}

fn xor32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD ^ imm;
    wD as u64
}

fn xor32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD ^ wS;
    wD as u64
}

fn xor64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD ^ imm;
    rD as u64
}

fn xor64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD ^ rS;
    rD as u64
}

fn mov32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = imm;
    wD as u64
}

fn mov32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wS;
    wD as u64
}

fn mov64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = imm;
    rD as u64
}

fn mov64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rS;
    rD as u64
}

fn arsh32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = (wD as i32 >> imm) as u32;
    wD as u64
}

fn arsh32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = (wD as i32 >> (wS & 31)) as u32;
    wD as u64
}

fn arsh64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as i64 >> imm) as u64;
    rD as u64
}

fn arsh64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as i64 >> (rS & 63)) as u64;
    rD as u64
}

fn sdiv32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = (wD as i32).wrapping_div(imm as i32) as u32;
    wD as u64
}

fn sdiv32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = if wS == 0 { 0 } else { (wD as i32).wrapping_div(wS as i32) as u32 };
    wD as u64
}

fn sdiv64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as i64).wrapping_div(imm as i64) as u64;
    rD as u64
}

fn sdiv64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = if rS == 0 { 0 } else { (rD as i64).wrapping_div(rS as i64) as u64 };
    rD as u64
}

fn smod32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = (wD as i32).wrapping_rem(imm as i32) as u32;
    wD as u64
}

fn smod32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = if wS == 0 { wD } else { (wD as i32).wrapping_rem(wS as i32) as u32 };
    wD as u64
}

fn smod64_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as i64).wrapping_rem(imm as i64) as u64;
    rD as u64
}

fn smod64_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = if rS == 0 { rD } else { (rD as i64).wrapping_rem(rS as i64) as u64 };
    rD as u64
}

fn jeq32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD == imm { return 1 };
    0
}

fn jeq32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD == wS { return 1 };
    0
}

fn jeq_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD == imm { return 1 };
    0
}

fn jeq_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD == rS { return 1 };
    0
}

fn jgt32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD > imm { return 1 };
    0
}

fn jgt32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD > wS { return 1 };
    0
}

fn jgt_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD > imm { return 1 };
    0
}

fn jgt_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD > rS { return 1 };
    0
}

fn jge32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD >= imm { return 1 };
    0
}

fn jge32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD >= wS { return 1 };
    0
}

fn jge_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD >= imm { return 1 };
    0
}

fn jge_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD >= rS { return 1 };
    0
}

fn jset32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD & imm != 0 { return 1 };
    0
}

fn jset32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD & wS != 0 { return 1 };
    0
}

fn jset_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD & imm != 0 { return 1 };
    0
}

fn jset_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD & rS != 0 { return 1 };
    0
}

fn jne32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD != imm { return 1 };
    0
}

fn jne32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD != wS { return 1 };
    0
}

fn jne_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD != imm { return 1 };
    0
}

fn jne_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD != rS { return 1 };
    0
}

fn jsgt32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if (wD as i32) > (imm as i32) { return 1 };
    0
}

fn jsgt32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if (wD as i32) > (wS as i32) { return 1 };
    0
}

fn jsgt_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if (rD as i64) > (imm as i64) { return 1 };
    0
}

fn jsgt_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if (rD as i64) > (rS as i64) { return 1 };
    0
}

fn jsge32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if (wD as i32) >= (imm as i32) { return 1 };
    0
}

fn jsge32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if (wD as i32) >= (wS as i32) { return 1 };
    0
}

fn jsge_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if (rD as i64) >= (imm as i64) { return 1 };
    0
}

fn jsge_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if (rD as i64) >= (rS as i64) { return 1 };
    0
}

fn jlt32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD < imm { return 1 };
    0
}

fn jlt32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD < wS { return 1 };
    0
}

fn jlt_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD < imm { return 1 };
    0
}

fn jlt_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD < rS { return 1 };
    0
}

fn jle32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD <= imm { return 1 };
    0
}

fn jle32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if wD <= wS { return 1 };
    0
}

fn jle_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD <= imm { return 1 };
    0
}

fn jle_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if rD <= rS { return 1 };
    0
}

fn jslt32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if (wD as i32) < (imm as i32) { return 1 };
    0
}

fn jslt32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if (wD as i32) < (wS as i32) { return 1 };
    0
}

fn jslt_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if (rD as i64) < (imm as i64) { return 1 };
    0
}

fn jslt_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if (rD as i64) < (rS as i64) { return 1 };
    0
}

fn jsle32_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if (wD as i32) <= (imm as i32) { return 1 };
    0
}

fn jsle32_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    if (wD as i32) <= (wS as i32) { return 1 };
    0
}

fn jsle_imm(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if (rD as i64) <= (imm as i64) { return 1 };
    0
}

fn jsle_reg(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    if (rD as i64) <= (rS as i64) { return 1 };
    0
}

fn neg32(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wD.wrapping_neg();
    wD as u64
}

fn neg64(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rD.wrapping_neg();
    rD as u64
}

fn movsx8_32(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wS as i8 as i32 as u32;
    wD as u64
}

fn movsx16_32(d: u64, s: u64, imm: i32) -> u64 {
    let (mut wD, wS, imm) = (d as u32, s as u32, imm as u32);
    wD = wS as i16 as i32 as u32;
    wD as u64
}

fn movsx8_64(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rS as i8 as i64 as u64;
    rD as u64
}

fn movsx16_64(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rS as i16 as i64 as u64;
    rD as u64
}

fn movsx32_64(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = rS as i32 as i64 as u64;
    rD as u64
}

fn le16(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as u16).to_le() as u64;
    rD as u64
}

fn le32(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as u32).to_le() as u64;
    rD as u64
}

fn le64(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as u64).to_le() as u64;
    rD as u64
}

fn be16(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as u16).to_be() as u64;
    rD as u64
}

fn be32(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as u32).to_be() as u64;
    rD as u64
}

fn be64(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as u64).to_be() as u64;
    rD as u64
}

fn bswap16(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as u16).swap_bytes() as u64;
    rD as u64
}

fn bswap32(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as u32).swap_bytes() as u64;
    rD as u64
}

fn bswap64(d: u64, s: u64, imm: i32) -> u64 {
    let (mut rD, rS, imm) = (d as u64, s as u64, imm as i64 as u64);
    rD = (rD as u64).swap_bytes() as u64;
    rD as u64
}
